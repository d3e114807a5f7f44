package cli

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
	"nagi.dev/compose/stack"
	"nagi.dev/kube"
)

// A deployment is all that one deploy would apply, and what would come of it.
type deployment struct {
	namespace string
	bundle    compose.Bundle
	objects   []compose.Object
}

func (d *deployment) stack() *v1alpha1.Stack { return d.bundle.Stack }

func (d *deployment) key() types.NamespacedName {
	return types.NamespacedName{Namespace: d.namespace, Name: d.stack().Name}
}

// print is the dry run: the objects as YAML, or their names.
func (d *deployment) print(io stdio, output string) error {
	if output == "yaml" {
		needs(io, d.all())
		return compose.Render(io.Out, d.all())
	}
	for _, o := range d.all() {
		io.printf("%s/%s\n", strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind), o.GetName())
	}
	return nil
}

// all lists every object in the order in which it would come to be. The Stack
// itself is not among them: what it stands for is.
func (d *deployment) all() []compose.Object {
	all := []compose.Object{d.home()}
	for _, c := range d.bundle.ConfigMaps {
		all = append(all, c)
	}
	for _, s := range d.bundle.Secrets {
		all = append(all, s)
	}
	return append(all, d.objects...)
}

// home is the namespace of the stack.
func (d *deployment) home() *corev1.Namespace {
	labels := map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
		v1alpha1.StackLabel:     d.stack().Name,
	}
	if needsPrivilege(d.objects) {
		labels[podSecurityLabel] = "privileged"
	}
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: d.namespace, Labels: labels},
	}
}

// apply makes the namespace, the assets, then the Stack, and returns the
// generation that the controller must have seen.
func (d *deployment) apply(ctx context.Context, cl cluster) (generation int64, err error) {
	if err := d.settle(ctx, cl); err != nil {
		return 0, err
	}
	var objs []kube.Object
	for _, o := range d.bundle.Objects() {
		objs = append(objs, o)
	}
	if err := cl.objects.Apply(ctx, v1alpha1.DeployOwner, objs...); err != nil {
		return 0, plain("apply stack "+d.stack().Name, err)
	}
	var s v1alpha1.Stack
	if err := cl.objects.Get(ctx, d.key(), &s); err != nil {
		return 0, plain("read stack "+d.stack().Name, err)
	}
	if s.Status.ObservedGeneration == s.Generation && len(setbacks(s.Status)) > 0 {
		return s.Generation, cl.tryAgain(ctx, &s)
	}
	return s.Generation, nil
}

// tryAgain forgets how the updates to the present file ended: who deploys it
// once more wants to see it run.
func (c cluster) tryAgain(ctx context.Context, s *v1alpha1.Stack) error {
	forget := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, v1alpha1.OutcomesAnnotation)
	name := stack.RevisionName(s.Name, s.Status.Revision)
	_, err := c.AppsV1().ControllerRevisions(s.Namespace).Patch(ctx, name, types.MergePatchType, forget, metav1.PatchOptions{FieldManager: v1alpha1.DeployOwner})
	if err != nil && !apierrors.IsNotFound(err) {
		return plain("try revision "+name+" again", err)
	}
	return nil
}

// settle makes the namespace, or finds it as it is. One that no deploy made
// keeps its labels.
func (d *deployment) settle(ctx context.Context, cl cluster) error {
	have, err := cl.CoreV1().Namespaces().Get(ctx, d.namespace, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return plain("read namespace "+d.namespace, err)
	}
	if err == nil {
		if err := d.mayUse(have); err != nil {
			return err
		}
		if have.Labels[v1alpha1.StackLabel] == "" {
			return nil
		}
	}
	if err := cl.objects.Apply(ctx, v1alpha1.DeployOwner, d.home()); err != nil {
		return plain("make namespace "+d.namespace, err)
	}
	return nil
}

// mayUse refuses a namespace that goes away or belongs to another stack.
func (d *deployment) mayUse(have *corev1.Namespace) error {
	if have.DeletionTimestamp != nil {
		return fmt.Errorf("namespace %s is being deleted; try again when it has gone", have.Name)
	}
	owner := have.Labels[v1alpha1.StackLabel]
	if owner != "" && owner != d.stack().Name {
		return fmt.Errorf("namespace %s belongs to stack %s; choose another with --namespace", have.Name, owner)
	}
	return nil
}

// published names the services whose ports are to answer on this machine.
func (d *deployment) published() map[string]bool {
	names := map[string]bool{}
	for _, o := range d.objects {
		if s, ok := o.(*corev1.Service); ok && s.Spec.Type == corev1.ServiceTypeLoadBalancer {
			names[s.Labels[v1alpha1.ServiceLabel]] = true
		}
	}
	return names
}
