package inpod

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/internal/graft"
	"nagi.dev/kube"
)

// A Keeper brings the pods of one kind closer to their grafts.
type Keeper struct {
	Kube   *kube.Client
	Record kube.Recorder
	Owner  string // the field owner of what it changes

	mu   sync.Mutex                                  // guards told
	told map[types.NamespacedName]map[types.UID]bool // missed pods that an event told of
}

// evictAgain is when to ask again for a pod that a budget keeps.
const evictAgain = 10 * time.Second

// missed is the reason of an event.
const missed = "PodsMissed"

// Pods returns those of a namespace, from memory.
func Pods(ctx context.Context, c *kube.Client, namespace string) ([]*corev1.Pod, error) {
	var list corev1.PodList
	if err := c.List(ctx, &list, kube.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	all := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		all[i] = &list.Items[i]
	}
	return all, nil
}

// Watch is how a controller sees pods.
func Watch() kube.Watch {
	return kube.Watch{Object: &corev1.Pod{}, Trim: func(o kube.Object) {
		if p, ok := o.(*corev1.Pod); ok {
			graft.TrimPod(p)
		}
	}}
}

// Selecting names the objects whose rules select a pod.
func Selecting(rules []graft.Rule, pod kube.Object) (all []types.NamespacedName) {
	for _, r := range rules {
		if r.Selects(pod.GetNamespace(), pod.GetLabels()) {
			all = append(all, types.NamespacedName{Namespace: r.Namespace, Name: r.Name})
		}
	}
	return all
}

// Do carries out s for the object that r is of. It says when to look again; 0:
// on a change.
func (k *Keeper) Do(ctx context.Context, about kube.Object, r graft.Rule, s graft.Survey) (time.Duration, error) {
	k.tell(about, s.Missed)
	switch {
	case s.Upgrade != nil:
		patch, err := json.Marshal(r.Upgraded(s.Upgrade))
		if err != nil {
			return 0, fmt.Errorf("write the patch of pod %s: %w", s.Upgrade.Name, err)
		}
		err = k.Kube.Merge(ctx, k.Owner, s.Upgrade.DeepCopy(), true, patch)
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return 0, nil // it went, or is another by now
		}
		if err == nil {
			k.Record(about, false, "Upgraded", fmt.Sprintf("pod %s runs %s", s.Upgrade.Name, r.Graft.Sidecar.Image))
		}
		return 0, err
	case s.Replace != nil:
		gone, err := k.Kube.Evict(ctx, s.Replace.DeepCopy())
		if gone {
			k.Record(about, false, "Replaced", fmt.Sprintf("pod %s makes room for one with it", s.Replace.Name))
		}
		return evictAgain, err
	}
	return 0, nil
}

// tell makes one event of the pods that newly missed it; it names the first.
func (k *Keeper) tell(about kube.Object, pods []*corev1.Pod) {
	key := types.NamespacedName{Namespace: about.GetNamespace(), Name: about.GetName()}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.told == nil {
		k.told = map[types.NamespacedName]map[types.UID]bool{}
	}
	before, now := k.told[key], map[types.UID]bool{}
	var names []string
	for _, pod := range pods {
		now[pod.UID] = true
		if !before[pod.UID] && len(names) < 10 {
			names = append(names, pod.Name)
		}
	}
	if len(names) > 0 {
		k.Record(about, true, missed, "made without it, before it or while the platform was away: "+strings.Join(names, ", "))
	}
	if k.told[key] = now; len(now) == 0 {
		delete(k.told, key)
	}
}
