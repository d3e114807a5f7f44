package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/kube"
	"nagi.dev/kube/inpod"
	"nagi.dev/plane/config"
)

type reconciler struct {
	kube      *kube.Client
	pods      *inpod.Keeper
	documents documents
	door      graft.Door
	now       func() time.Time
}

// documents is where the planes get what they run.
type documents interface {
	Publish(namespace, name string, c *config.Config) (version string, err error)
	Forget(namespace, name string)
}

// reconcile brings the pods of one Sidecar closer to it.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	s, err := r.observe(ctx, key)
	if err != nil {
		return 0, err
	}
	if s.Sidecar == nil {
		r.documents.Forget(key.Namespace, key.Name)
		return 0, nil
	}
	p := Decide(s)
	if p.Document != nil {
		if _, err := r.documents.Publish(key.Namespace, key.Name, p.Document); err != nil {
			return 0, err
		}
	}
	if err := r.poke(ctx, s, p.Poke); err != nil {
		return 0, fmt.Errorf("tell pods of sidecar %s of their files: %w", key, err)
	}
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
	rule, err := Rule(sc, r.door)
	if err != nil {
		s.Invalid = err.Error()
		return s, nil
	}
	s.Rule = rule
	if s.Pods, err = inpod.Pods(ctx, r.kube, key.Namespace); err != nil {
		return s, err
	}
	s.Source, err = r.source(ctx, sc)
	return s, err
}

// source returns the version of the ConfigMap or Secret that sc keeps files
// of; "" when there is none.
func (r *reconciler) source(ctx context.Context, sc *v1alpha1.Sidecar) (string, error) {
	c := sc.Spec.Use.ConfigSync
	if c == nil || c.URL != "" {
		return "", nil
	}
	o, name := &metav1.PartialObjectMetadata{}, c.ConfigMap
	o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	if c.Secret != "" {
		name = c.Secret
		o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	}
	err := r.kube.Get(ctx, types.NamespacedName{Namespace: sc.Namespace, Name: name}, o)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s %s: %w", o.Kind, name, err)
	}
	return o.ResourceVersion, nil
}

// poke wakes the kubelet of each pod.
func (r *reconciler) poke(ctx context.Context, s State, pods []*corev1.Pod) error {
	for _, p := range pods {
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"uid": p.UID, "annotations": map[string]string{s.Rule.SourceMark(): s.Source},
		}})
		if err != nil {
			return fmt.Errorf("write the patch of pod %s: %w", p.Name, err)
		}
		err = r.kube.Merge(ctx, v1alpha1.PatternOwner, p.DeepCopy(), false, patch)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return err
		}
	}
	return nil
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
