package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"nagi.dev/kube"
)

// owner is the field owner of all that is installed.
const owner = "nagi-install"

// platformOwner is that of a server of Nagi, which installs its own kinds.
const platformOwner = "nagi-platform"

// ErrServer means that the cluster is a server of Nagi: the platform is in it.
var ErrServer = errors.New("this cluster is a server of Nagi, which has the platform in it; nagi up --bare starts one without")

var (
	crdKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	group   = "nagi.dev"
)

// Apply makes the platform what o says and returns once it runs. progress gets
// a line a step.
func Apply(ctx context.Context, c *kube.Client, o Options, progress func(string)) error {
	o = o.withDefaults()
	objs, err := Objects(o)
	if err != nil {
		return err
	}
	if err := foreign(ctx, c); err != nil {
		return err
	}
	for _, obj := range objs {
		progress(fmt.Sprintf("%s/%s", strings.ToLower(obj.GetObjectKind().GroupVersionKind().Kind), obj.GetName()))
		if err := c.Apply(ctx, owner, obj); err != nil {
			return err
		}
	}
	return runs(ctx, c, o, progress)
}

// foreign refuses a server that carries the platform itself.
func foreign(ctx context.Context, c *kube.Client) error {
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(crdKind)
	err := c.Live.Get(ctx, types.NamespacedName{Name: "stacks." + group}, crd)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the kinds of Nagi: %w", err)
	}
	for _, m := range crd.GetManagedFields() {
		if m.Manager == platformOwner {
			return ErrServer
		}
	}
	return nil
}

// runs waits for the platform, and says why it does not run.
func runs(ctx context.Context, c *kube.Client, o Options, progress func(string)) error {
	progress("waiting for the platform")
	var d appsv1.Deployment
	key := types.NamespacedName{Namespace: o.Namespace, Name: name}
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := c.Live.Get(ctx, key, &d); err != nil {
			return false, fmt.Errorf("look at the platform: %w", err)
		}
		return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 1 && d.Status.AvailableReplicas == 1, nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("the platform does not run: %s", why(c, o))
	}
	return err
}

// why reads what keeps the platform's pod from running. ctx is over by now.
func why(c *kube.Client, o Options) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var pods corev1.PodList
	if err := c.Live.List(ctx, &pods, kube.InNamespace(o.Namespace), kube.MatchingLabels{"app.kubernetes.io/name": name}); err != nil {
		return err.Error()
	}
	for _, p := range pods.Items {
		for _, s := range p.Status.ContainerStatuses {
			if w := s.State.Waiting; w != nil && (strings.Contains(w.Reason, "Image") || strings.Contains(w.Reason, "ErrImage")) {
				return fmt.Sprintf("its nodes have no image %s (%s); nagi image push brings it to a registry, nagi image save writes an archive", s.Image, w.Reason)
			} else if w != nil {
				return fmt.Sprintf("%s: %s", w.Reason, w.Message)
			}
		}
		for _, cond := range p.Status.Conditions {
			if cond.Status == corev1.ConditionFalse && cond.Message != "" {
				return cond.Message
			}
		}
	}
	return "there is no pod of it yet; kubectl -n " + o.Namespace + " get events tells more"
}
