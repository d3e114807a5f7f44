package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/drift"
	"nagi.dev/kube"
)

type reconciler struct {
	kube       *kube.Client
	record     kube.Recorder
	log        *slog.Logger
	now        func() time.Time
	translator *translator
}

// reconcile brings one Stack closer to its file.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	var st v1alpha1.Stack
	if err := r.kube.Get(ctx, key, &st); err != nil {
		if apierrors.IsNotFound(err) {
			r.translator.forget(key)
			return 0, nil
		}
		return 0, fmt.Errorf("read stack %s: %w", key, err)
	}
	s, err := r.observe(ctx, &st)
	if err != nil {
		return 0, fmt.Errorf("observe stack %s: %w", key, err)
	}
	p := Decide(s)
	if s.Refused, err = r.do(ctx, s, p); err != nil {
		return 0, fmt.Errorf("apply plan to stack %s: %w", key, err)
	}
	if len(s.Refused) > 0 {
		p = Decide(s) // so that its status tells what was refused
	}
	if err := r.report(ctx, &st, p.Status); err != nil {
		return 0, fmt.Errorf("report stack %s: %w", key, err)
	}
	return p.WakeIn, nil
}

// do carries out p and returns what was refused. Then nothing is deleted: what
// ran before runs on.
func (r *reconciler) do(ctx context.Context, s State, p Plan) (map[Ref]Refusal, error) {
	if err := r.keep(ctx, s.Stack, p); err != nil {
		if why, no := refusal(err); no {
			return map[Ref]Refusal{{revisionKind.Kind, RevisionName(s.Stack.Name, p.Record.Number)}: why}, nil
		}
		return nil, err
	}
	for _, o := range p.Adopt {
		if err := r.kube.Apply(ctx, v1alpha1.StackOwner, adopted(s.Stack, o)); err != nil && !apierrors.IsConflict(err) {
			return nil, err
		}
	}
	seen := index(s.Seen)
	refused := map[Ref]Refusal{}
	for _, c := range p.Apply {
		err := r.apply(ctx, s.Stack, c, seen[refOf(c.Object)] == nil)
		switch why, no := refusal(err); {
		case no:
			refused[refOf(c.Object)] = why
		case err != nil:
			return nil, err
		}
	}
	if err := r.note(ctx, s, p); err != nil {
		return nil, err
	}
	if len(refused) > 0 {
		return refused, nil
	}
	if err := r.kube.Prune(ctx, true, p.Recreate...); err != nil {
		return nil, err
	}
	return nil, r.kube.Prune(ctx, false, p.Delete...)
}

// apply makes one object as it is wanted. What it lacks right after that, the
// server does not keep: a field it does not know yet.
func (r *reconciler) apply(ctx context.Context, st *v1alpha1.Stack, c Change, unseen bool) error {
	if unseen {
		if err := r.free(ctx, st, c.Object); err != nil {
			return err
		}
	}
	if c.Seize {
		if err := r.kube.Seize(ctx, v1alpha1.StackOwner, c.Object, byHand); err != nil {
			return err
		}
	}
	got, err := r.kube.ApplyOne(ctx, v1alpha1.StackOwner, c.Object)
	if err != nil {
		return err
	}
	ref, dropped := refOf(c.Object), drift.All(c.Object.Object, got.Object)
	r.translator.learn(keyOf(st), ref, dropped)
	r.log.Debug("applied", "stack", st.Name, "object", ref, "drift", c.Drift, "dropped", dropped)
	if c.Drift != "" && !slices.Contains(dropped, c.Drift) {
		r.record(st, false, "PutBack", fmt.Sprintf("%s: %s was changed by hand", ref, c.Drift))
	}
	return nil
}

// errTaken means that the name of an object belongs to another.
var errTaken = errors.New("exists and is not of this stack")

// free returns errTaken when an object of that name exists that is not ours.
// What carries no label of the stack is not in memory, so the server is asked.
func (r *reconciler) free(ctx context.Context, st *v1alpha1.Stack, want *unstructured.Unstructured) error {
	have := &metav1.PartialObjectMetadata{}
	have.SetGroupVersionKind(want.GroupVersionKind())
	err := r.kube.Live.Get(ctx, types.NamespacedName{Namespace: want.GetNamespace(), Name: want.GetName()}, have)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("look for %s: %w", refOf(want), err)
	case have.Labels[v1alpha1.StackLabel] != st.Name:
		return fmt.Errorf("%s %w; label it %s=%s to hand it over", refOf(want), errTaken, v1alpha1.StackLabel, st.Name)
	}
	return nil
}

// refusal tells whether err is a no that asking again at once will not change.
func refusal(err error) (Refusal, bool) {
	switch {
	case errors.Is(err, errTaken):
		return Refusal{v1alpha1.ReasonConflict, err.Error()}, true
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return Refusal{v1alpha1.ReasonRefused, err.Error()}, true
	}
	return Refusal{}, false
}

// adopted is what to apply so that st owns the asset o. The UID keeps it from
// making an empty one where o has gone.
func adopted(st *v1alpha1.Stack, o Object) Object {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
	u.SetNamespace(o.GetNamespace())
	u.SetName(o.GetName())
	u.SetUID(o.GetUID())
	u.SetOwnerReferences([]metav1.OwnerReference{ownerRef(st)})
	return u
}

// report writes status and tells as Events which services changed their state.
func (r *reconciler) report(ctx context.Context, st *v1alpha1.Stack, status *v1alpha1.StackStatus) error {
	if status == nil {
		return nil
	}
	after := st.DeepCopy()
	after.Status = *status
	if err := r.kube.PatchStatus(ctx, st, after); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	before := map[string]string{}
	for _, sv := range st.Status.Services {
		before[sv.Name] = sv.State
	}
	for _, sv := range status.Services {
		if sv.State != before[sv.Name] {
			tell(r.record, st, sv)
		}
	}
	return nil
}

// tell makes an Event of a state that a person wants to hear of.
func tell(record kube.Recorder, st *v1alpha1.Stack, sv v1alpha1.ServiceStatus) {
	switch sv.State {
	case v1alpha1.ServiceFailed:
		record(st, true, "ServiceFailed", sv.Name+": "+sv.Message)
	case v1alpha1.ServiceReady, v1alpha1.ServiceCompleted:
		record(st, false, "Service"+sv.State, sv.Name)
	}
}
