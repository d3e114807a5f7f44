package sidecar

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
	"nagi.dev/kube/inpod"
)

type reconciler struct {
	kube   *kube.Client
	pods   *inpod.Keeper
	plane  string
	now    func() time.Time
}

// reconcile brings the pods of one Sidecar closer to it.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	s, err := r.observe(ctx, key)
	if s.Sidecar == nil || err != nil {
		return 0, err
	}
	p := Decide(s)
	wake, err := r.pods.Do(ctx, s.Sidecar, s.Rule, p.Survey)
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
	s.Pods, err = inpod.Pods(ctx, r.kube, key.Namespace)
	return s, err
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
	if err := r.kube.PatchStatus(ctx, sc, after); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}
