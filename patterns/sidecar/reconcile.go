package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

type reconciler struct {
	kube   *kube.Client
	record kube.Recorder
	plane  string
	now    func() time.Time

	mu   sync.Mutex                                  // guards told
	told map[types.NamespacedName]map[types.UID]bool // missed pods that an event told of
}

// evictAgain is when to ask again for a pod that a budget keeps.
const evictAgain = 10 * time.Second

// reconcile brings the pods of one Sidecar closer to it.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	s, err := r.observe(ctx, key)
	if s.Sidecar == nil || err != nil {
		return 0, err
	}
	p := Decide(s)
	wake, err := r.do(ctx, s, p)
	if err != nil {
		return 0, fmt.Errorf("apply plan to sidecar %s: %w", key, err)
	}
	if err := r.report(ctx, s.Sidecar, p); err != nil {
		return 0, fmt.Errorf("report sidecar %s: %w", key, err)
	}
	return wake, nil
}

func (r *reconciler) observe(ctx context.Context, key types.NamespacedName) (State, error) {
	var s State
	sc := new(v1alpha1.Sidecar)
	if err := r.kube.Get(ctx, key, sc); err != nil {
		if apierrors.IsNotFound(err) {
			return s, nil
		}
		return s, fmt.Errorf("read sidecar %s: %w", key, err)
	}
	s.Sidecar = sc
	rule, err := Rule(sc, r.plane)
	if err != nil {
		s.Invalid = err.Error()
		return s, nil
	}
	s.Rule = rule
	var pods corev1.PodList
	if err := r.kube.List(ctx, &pods, kube.InNamespace(key.Namespace)); err != nil {
		return s, fmt.Errorf("list pods: %w", err)
	}
	for i := range pods.Items {
		s.Pods = append(s.Pods, &pods.Items[i])
	}
	return s, nil
}

func (r *reconciler) do(ctx context.Context, s State, p Plan) (time.Duration, error) {
	r.tell(s.Sidecar, p.Missed)
	switch {
	case p.Upgrade != nil:
		patch, err := json.Marshal(s.Rule.Upgraded(p.Upgrade))
		if err != nil {
			return 0, fmt.Errorf("write the patch of pod %s: %w", p.Upgrade.Name, err)
		}
		r.record(s.Sidecar, false, "Upgraded", fmt.Sprintf("pod %s runs %s", p.Upgrade.Name, s.Rule.Graft.Sidecar.Image))
		return 0, ignoreGone(r.kube.Merge(ctx, v1alpha1.PatternOwner, p.Upgrade.DeepCopy(), true, patch))
	case p.Replace != nil:
		gone, err := r.kube.Evict(ctx, p.Replace.DeepCopy())
		if gone {
			r.record(s.Sidecar, false, "Replaced", fmt.Sprintf("pod %s makes room for one with it", p.Replace.Name))
		}
		return evictAgain, err
	}
	return 0, nil
}

// tell makes one event of the pods that newly missed sc; it names the first.
func (r *reconciler) tell(sc *v1alpha1.Sidecar, missed []*corev1.Pod) {
	key := types.NamespacedName{Namespace: sc.Namespace, Name: sc.Name}
	r.mu.Lock()
	defer r.mu.Unlock()
	before, now := r.told[key], map[types.UID]bool{}
	var names []string
	for _, pod := range missed {
		now[pod.UID] = true
		if !before[pod.UID] && len(names) < 10 {
			names = append(names, pod.Name)
		}
	}
	if len(names) > 0 {
		r.record(sc, true, v1alpha1.ReasonMissed, fmt.Sprintf("made without it, before it or while the platform was away: %s", strings.Join(names, ", ")))
	}
	if r.told[key] = now; len(now) == 0 {
		delete(r.told, key)
	}
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// report writes the status, when it changed.
func (r *reconciler) report(ctx context.Context, sc *v1alpha1.Sidecar, p Plan) error {
	if p.Verdict.Reason == "" {
		return nil
	}
	after := sc.DeepCopy()
	after.Status.ObservedGeneration, after.Status.Use, after.Status.Pods = sc.Generation, useOf(sc), p.Pods
	p.Verdict.Write(&after.Status.Conditions, sc.Generation, r.now())
	if equality.Semantic.DeepEqual(sc.Status, after.Status) {
		return nil
	}
	return ignoreGone(r.kube.PatchStatus(ctx, sc, after))
}
