package ambassador

import (
	"context"
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

// documents is where the planes get what they run.
type documents interface {
	Publish(namespace, name string, c *config.Config) (version string, err error)
	Forget(namespace, name string)
}

type reconciler struct {
	kube      *kube.Client
	pods      *inpod.Keeper
	documents documents
	door      graft.Door
	domain    string
	now       func() time.Time
}

// reconcile gives the planes of one Ambassador their document, and its pods
// their planes.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	s, err := r.observe(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("observe ambassador %s: %w", key, err)
	}
	if s.Ambassador == nil {
		r.documents.Forget(key.Namespace, key.Name)
		return 0, nil
	}
	p := Decide(s)
	version := s.Ambassador.Status.Version
	if p.Document != nil {
		if version, err = r.documents.Publish(key.Namespace, key.Name, p.Document); err != nil {
			return 0, err
		}
	}
	wake, err := r.pods.Do(ctx, s.Ambassador, s.Rule, p.Survey)
	if err != nil {
		return 0, fmt.Errorf("apply plan to ambassador %s: %w", key, err)
	}
	if err := r.report(ctx, s.Ambassador, p, version); err != nil {
		return 0, fmt.Errorf("report ambassador %s: %w", key, err)
	}
	return wake, nil
}

func (r *reconciler) observe(ctx context.Context, key types.NamespacedName) (s State, err error) {
	a := new(v1alpha1.Ambassador)
	if err := r.kube.Get(ctx, key, a); err != nil {
		if apierrors.IsNotFound(err) {
			return s, nil
		}
		return s, fmt.Errorf("read it: %w", err)
	}
	s.Ambassador = a
	if s.Rule, err = Rule(a, r.door); err != nil {
		s.Invalid = err.Error()
		return s, nil
	}
	if s.Pods, err = inpod.Pods(ctx, r.kube, key.Namespace); err != nil {
		return s, err
	}
	if s.World, err = inpod.World(ctx, r.kube, key.Namespace, r.domain); err != nil {
		return s, err
	}
	if s.Nutcracker, err = r.nutcracker(ctx, a); err != nil {
		return s, err
	}
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.kube.Get(ctx, types.NamespacedName{Name: key.Namespace}, ns); err != nil {
		return s, fmt.Errorf("read namespace: %w", err)
	}
	s.Environment = ns.Labels[v1alpha1.EnvironmentLabel]
	return s, nil
}

// nutcracker reads the file that a names. Only the names of ConfigMaps are in
// memory; the server is asked for this one.
func (r *reconciler) nutcracker(ctx context.Context, a *v1alpha1.Ambassador) (string, error) {
	if a.Spec.Shard == nil || a.Spec.Shard.Nutcracker == nil {
		return "", nil
	}
	n := a.Spec.Shard.Nutcracker
	var m corev1.ConfigMap
	err := r.kube.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: n.ConfigMap}, &m)
	if err != nil && !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("read ConfigMap %s: %w", n.ConfigMap, err)
	}
	return m.Data[fileKey(n)], nil
}

// report writes the status, when it changed.
func (r *reconciler) report(ctx context.Context, a *v1alpha1.Ambassador, p Plan, version string) error {
	if p.Verdict.Reason == "" {
		return nil
	}
	after := a.DeepCopy()
	st := &after.Status
	st.ObservedGeneration, st.Use, st.Version, st.Pods, st.Endpoints = a.Generation, useOf(a), version, p.Pods, p.Endpoints
	st.Summary = fmt.Sprintf("%d/%d", p.Endpoints.Ready, p.Endpoints.Known)
	p.Verdict.Write(&st.Conditions, a.Generation, r.now())
	if equality.Semantic.DeepEqual(a.Status, after.Status) {
		return nil
	}
	if err := r.kube.PatchStatus(ctx, a, after); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

// useOf names what a does.
func useOf(a *v1alpha1.Ambassador) string {
	switch s := a.Spec; {
	case s.Shard != nil:
		return "shard"
	case s.Broker != nil:
		return "broker"
	case s.Split != nil:
		return "split"
	}
	return "tee"
}
