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
)

// Controller returns the loop that keeps Sidecars; plane is the image of
// nagi-plane.
func Controller(plane string) kube.Controller {
	return kube.Controller{
		Name: "sidecar", For: &v1alpha1.Sidecar{},
		Watches: []kube.Watch{{Object: &corev1.Pod{}, Trim: trim}},
		Owners: func(ctx context.Context, c *kube.Client, pod kube.Object) (all []types.NamespacedName) {
			rules, err := rules(ctx, c, plane, pod.GetNamespace())
			if err != nil {
				return nil // the cache is not there yet; it wakes all when it is
			}
			for _, r := range rules {
				if r.Selects(pod.GetNamespace(), pod.GetLabels()) {
					all = append(all, types.NamespacedName{Namespace: r.Namespace, Name: r.Name})
				}
			}
			return all
		},
		New: func(c *kube.Client, record kube.Recorder) kube.Reconcile {
			r := &reconciler{kube: c, record: record, plane: plane, now: time.Now, told: map[types.NamespacedName]map[types.UID]bool{}}
			return r.reconcile
		},
	}
}

func trim(o kube.Object) {
	if p, ok := o.(*corev1.Pod); ok {
		graft.TrimPod(p)
	}
}

// Rules returns what every Sidecar puts into pods. One that is not valid puts
// in nothing.
func Rules(plane string) func(context.Context, *kube.Client) ([]graft.Rule, error) {
	return func(ctx context.Context, c *kube.Client) ([]graft.Rule, error) { return rules(ctx, c, plane, "") }
}

func rules(ctx context.Context, c *kube.Client, plane, namespace string) ([]graft.Rule, error) {
	var list v1alpha1.SidecarList
	if err := c.List(ctx, &list, kube.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list sidecars: %w", err)
	}
	var all []graft.Rule
	for i := range list.Items {
		s := &list.Items[i]
		if r, err := Rule(s, plane); err == nil && s.DeletionTimestamp == nil {
			all = append(all, r)
		}
	}
	return all, nil
}

// Read checks a Sidecar as it was sent and returns what it puts into pods.
func Read(plane string) func([]byte) (graft.Rule, error) {
	return func(object []byte) (graft.Rule, error) {
		var s v1alpha1.Sidecar
		if err := json.Unmarshal(object, &s); err != nil {
			return graft.Rule{}, fmt.Errorf("read sidecar: %w", err)
		}
		return Rule(&s, plane)
	}
}
