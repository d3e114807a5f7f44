package stack

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

// keep makes the revision of the present file, and notes how updates ended.
func (r *reconciler) keep(ctx context.Context, st *v1alpha1.Stack, p Plan) error {
	if p.Record != nil {
		o, err := newRevision(st, *p.Record)
		if err != nil {
			return err
		}
		// One that exists is news still on its way; it wakes us.
		if err := r.kube.Create(ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("keep revision %d: %w", p.Record.Number, err)
		}
	}
	return nil
}

// RevisionName names the object that keeps a file of a stack.
func RevisionName(stack string, number int64) string { return fmt.Sprintf("%s-%d", stack, number) }

// newRevision makes the object that keeps the file of st.
func newRevision(st *v1alpha1.Stack, rev Revision) (*appsv1.ControllerRevision, error) {
	data, err := json.Marshal(st.Spec)
	if err != nil {
		return nil, fmt.Errorf("encode revision %d: %w", rev.Number, err)
	}
	hashes, err := json.Marshal(rev.Templates)
	if err != nil {
		return nil, fmt.Errorf("encode revision %d: %w", rev.Number, err)
	}
	o := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: RevisionName(st.Name, rev.Number), Namespace: st.Namespace,
			Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.StackLabel: st.Name},
			Annotations: map[string]string{
				v1alpha1.RevisionAnnotation:  fmt.Sprint(rev.Number),
				v1alpha1.HashAnnotation:      rev.Hash,
				v1alpha1.TemplatesAnnotation: string(hashes),
			},
			OwnerReferences: []metav1.OwnerReference{ownerRef(st)},
		},
		Revision: rev.Number,
		Data:     runtime.RawExtension{Raw: data},
	}
	if cause := st.Annotations[v1alpha1.CauseAnnotation]; cause != "" {
		o.Annotations[v1alpha1.CauseAnnotation] = shorten(cause, 500)
	}
	return o, nil
}

// note writes on the present revision how updates ended, and tells of those
// that went wrong.
func (r *reconciler) note(ctx context.Context, s State, p Plan) error {
	if len(p.Ended) == 0 {
		return nil
	}
	rev := s.Revisions[len(s.Revisions)-1]
	text, err := json.Marshal(p.Outcomes)
	if err != nil {
		return fmt.Errorf("encode outcomes: %w", err)
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(revisionKind)
	u.SetNamespace(s.Stack.Namespace)
	u.SetName(rev.Object.GetName())
	u.SetUID(rev.Object.GetUID()) // so that one that has gone is not made anew
	u.SetAnnotations(map[string]string{v1alpha1.OutcomesAnnotation: string(text)})
	if err := r.kube.Apply(ctx, v1alpha1.StackOwner, u); err != nil {
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("note outcomes on revision %d: %w", rev.Number, err)
	}
	for _, name := range p.Ended {
		announce(r.record, s.Stack, name, rev.Number, p.Outcomes[name])
	}
	return nil
}

// announce makes an Event of an update that went wrong.
func announce(record kube.Recorder, st *v1alpha1.Stack, service string, number int64, o Outcome) {
	switch {
	case o.BackWhy != "":
		record(st, true, "RollbackFailed", fmt.Sprintf("%s: going back to revision %d failed too (%s): %s", service, o.To, o.Back, o.BackWhy))
	case o.Back != "":
	case o.Is == outcomeRolledBack:
		record(st, true, v1alpha1.ReasonRolledBack, fmt.Sprintf("%s: revision %d failed, revision %d comes back: %s", service, number, o.To, o.Why))
	case o.Is == outcomePaused:
		record(st, true, v1alpha1.ReasonPaused, fmt.Sprintf("%s: the update to revision %d stands still: %s", service, number, o.Why))
	case o.Is == outcomeContinued:
		record(st, true, "UpdateContinued", fmt.Sprintf("%s: the update to revision %d goes on, though it fails: %s", service, number, o.Why))
	}
}
