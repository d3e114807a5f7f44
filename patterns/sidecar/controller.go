package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/kube"
	"nagi.dev/kube/inpod"
)

// Controller returns the loop that keeps Sidecars; plane is the image of
// nagi-plane.
func Controller(plane string) kube.Controller {
	return kube.Controller{
		Name: "sidecar", For: &v1alpha1.Sidecar{},
		Watches: []kube.Watch{inpod.Watch()},
		Owners: func(ctx context.Context, c *kube.Client, pod kube.Object) []types.NamespacedName {
			rules, err := rules(ctx, c, plane, pod.GetNamespace())
			if err != nil {
				return nil // the cache is not there yet; it wakes all when it is
			}
			return inpod.Selecting(rules, pod)
		},
		New: func(c *kube.Client, record kube.Recorder) kube.Reconcile {
			r := &reconciler{kube: c, plane: plane, now: time.Now, pods: &inpod.Keeper{Kube: c, Record: record, Owner: v1alpha1.PatternOwner}}
			return r.reconcile
		},
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
