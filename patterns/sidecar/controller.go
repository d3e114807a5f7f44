package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/kube"
	"nagi.dev/kube/inpod"
)

// Options of the controller. All are required.
type Options struct {
	Door      graft.Door
	Documents documents
}

// Controller returns the loop that keeps Sidecars.
func Controller(o Options) kube.Controller {
	return kube.Controller{
		Name: "sidecar", For: &v1alpha1.Sidecar{}, Owners: touched,
		Watches: []kube.Watch{
			inpod.Watch(),
			inpod.Names(&corev1.ConfigMap{}),
			inpod.Names(&corev1.Secret{}),
		},
		New: func(c *kube.Client, record kube.Recorder) kube.Reconcile {
			r := &reconciler{
				kube: c, documents: o.Documents, door: o.Door, now: time.Now,
				pods: &inpod.Keeper{Kube: c, Record: record, Owner: v1alpha1.PatternOwner},
			}
			return r.reconcile
		},
	}
}

// touched names the Sidecars that a watched object is about: those that select
// a pod, or keep the files of a ConfigMap or Secret.
func touched(ctx context.Context, c *kube.Client, o kube.Object) (all []types.NamespacedName) {
	var list v1alpha1.SidecarList
	if err := c.List(ctx, &list, kube.InNamespace(o.GetNamespace())); err != nil {
		return nil // the cache is not there yet; it wakes all when it is
	}
	pod, isPod := o.(*corev1.Pod)
	for i := range list.Items {
		s := &list.Items[i]
		r := graft.Rule{Namespace: s.Namespace, Selector: s.Spec.Selector}
		sync := s.Spec.Use.ConfigSync
		if isPod && r.Selects(pod.Namespace, pod.Labels) || !isPod && sync != nil && (sync.ConfigMap == o.GetName() || sync.Secret == o.GetName()) {
			all = append(all, types.NamespacedName{Namespace: s.Namespace, Name: s.Name})
		}
	}
	return all
}

// Rules returns what every Sidecar puts into pods. One that is not valid puts
// in nothing.
func Rules(door graft.Door) func(context.Context, *kube.Client) ([]graft.Rule, error) {
	return func(ctx context.Context, c *kube.Client) ([]graft.Rule, error) {
		var list v1alpha1.SidecarList
		if err := c.List(ctx, &list); err != nil {
			return nil, fmt.Errorf("list sidecars: %w", err)
		}
		var all []graft.Rule
		for i := range list.Items {
			s := &list.Items[i]
			if r, err := Rule(s, door); err == nil && s.DeletionTimestamp == nil {
				all = append(all, r)
			}
		}
		return all, nil
	}
}

// Read checks a Sidecar as it was sent and returns what it puts into pods.
func Read(door graft.Door) func([]byte) (graft.Rule, error) {
	return func(object []byte) (graft.Rule, error) {
		var s v1alpha1.Sidecar
		if err := json.Unmarshal(object, &s); err != nil {
			return graft.Rule{}, fmt.Errorf("read sidecar: %w", err)
		}
		return Rule(&s, door)
	}
}
