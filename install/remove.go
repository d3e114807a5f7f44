package install

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nagi.dev/kube"
)

// Remove takes the platform away. What it made goes on running and belongs to
// nobody: first the program ends, so that it puts nothing back, then each
// resource of its kinds goes without those it owns, then the kinds.
func Remove(ctx context.Context, c *kube.Client, o Options, progress func(string)) error {
	o = o.withDefaults()
	if err := foreign(ctx, c); err != nil {
		return err
	}
	progress("ending the platform")
	if err := c.Remove(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: o.Namespace}}, metav1.DeletePropagationForeground); err != nil {
		return err
	}
	kinds, err := definitions()
	if err != nil {
		return err
	}
	for _, k := range kinds {
		if err := removeKind(ctx, c, k.(*unstructured.Unstructured), progress); err != nil {
			return err
		}
	}
	for _, obj := range []kube.Object{
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.Namespace}},
	} {
		progress("removing " + obj.GetName())
		if err := c.Remove(ctx, obj, metav1.DeletePropagationBackground); err != nil {
			return err
		}
	}
	return nil
}

// removeKind lets go of all resources of a kind, then removes the kind.
func removeKind(ctx context.Context, c *kube.Client, crd *unstructured.Unstructured, progress func(string)) error {
	kind, _, err := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	if err != nil {
		return fmt.Errorf("read definition %s: %w", crd.GetName(), err)
	}
	version := schema.GroupVersion{Group: group, Version: "v1alpha1"}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(version.WithKind(kind + "List"))
	if err := c.Live.List(ctx, list); meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil // it is not there
	} else if err != nil {
		return fmt.Errorf("list resources of kind %s: %w", kind, err)
	}
	for i := range list.Items {
		r := &list.Items[i]
		r.SetGroupVersionKind(version.WithKind(kind))
		progress(fmt.Sprintf("letting go of %s %s/%s", strings.ToLower(kind), r.Namespace, r.Name))
		if err := c.Remove(ctx, r, metav1.DeletePropagationOrphan); err != nil {
			return err
		}
	}
	progress("removing kind " + kind)
	return c.Remove(ctx, crd, metav1.DeletePropagationBackground)
}
