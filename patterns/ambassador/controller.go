package ambassador

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	Domain    string // of the cluster: "cluster.local"
}

// Controller returns the loop that keeps Ambassadors.
func Controller(o Options) kube.Controller {
	watches := append(inpod.WorldWatches(), inpod.Watch(), inpod.Names(&corev1.Namespace{}), inpod.Names(&corev1.ConfigMap{}))
	return kube.Controller{
		Name: "ambassador", For: &v1alpha1.Ambassador{}, Watches: watches, Owners: touched,
		New: func(c *kube.Client, record kube.Recorder) kube.Reconcile {
			r := &reconciler{
				kube: c, documents: o.Documents, door: o.Door, domain: o.Domain, now: time.Now,
				pods: &inpod.Keeper{Kube: c, Record: record, Owner: v1alpha1.PatternOwner},
			}
			return r.reconcile
		},
	}
}

// touched names the Ambassadors of the namespace of a watched object that may
// care: those that select it when it is a pod, else all.
func touched(ctx context.Context, c *kube.Client, o kube.Object) (all []types.NamespacedName) {
	namespace := o.GetNamespace()
	if namespace == "" { // a Namespace itself
		namespace = o.GetName()
	}
	var list v1alpha1.AmbassadorList
	if err := c.List(ctx, &list, kube.InNamespace(namespace)); err != nil {
		return nil // the cache is not there yet; it wakes all when it is
	}
	_, isPod := o.(*corev1.Pod)
	_, isName := o.(*metav1.PartialObjectMetadata)
	for i := range list.Items {
		a := &list.Items[i]
		r := graft.Rule{Namespace: a.Namespace, Selector: a.Spec.Selector}
		switch {
		case isPod && !r.Selects(namespace, o.GetLabels()):
		case isName && o.GetNamespace() != "" && !reads(a, o.GetName()):
		default:
			all = append(all, types.NamespacedName{Namespace: a.Namespace, Name: a.Name})
		}
	}
	return all
}

// reads tells whether a names the ConfigMap.
func reads(a *v1alpha1.Ambassador, configMap string) bool {
	return a.Spec.Shard != nil && a.Spec.Shard.Nutcracker != nil && a.Spec.Shard.Nutcracker.ConfigMap == configMap
}

// Rules returns what every Ambassador puts into pods.
func Rules(door graft.Door) func(context.Context, *kube.Client) ([]graft.Rule, error) {
	return func(ctx context.Context, c *kube.Client) ([]graft.Rule, error) {
		var list v1alpha1.AmbassadorList
		if err := c.List(ctx, &list); err != nil {
			return nil, fmt.Errorf("list ambassadors: %w", err)
		}
		var all []graft.Rule
		for i := range list.Items {
			a := &list.Items[i]
			if r, err := Rule(a, door); err == nil && a.DeletionTimestamp == nil {
				all = append(all, r)
			}
		}
		return all, nil
	}
}

// Read checks an Ambassador as it was sent and returns what it puts into pods.
func Read(door graft.Door) func([]byte) (graft.Rule, error) {
	return func(object []byte) (graft.Rule, error) {
		var a v1alpha1.Ambassador
		if err := json.Unmarshal(object, &a); err != nil {
			return graft.Rule{}, fmt.Errorf("read ambassador: %w", err)
		}
		return Rule(&a, door)
	}
}
