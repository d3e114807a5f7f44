package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

var revisionKind = appsv1.SchemeGroupVersion.WithKind("ControllerRevision")

// recall reads the history of a stack: the marks of all revisions, and of
// those that matter now what they say.
func (r *reconciler) recall(ctx context.Context, s *State) error {
	l := &metav1.PartialObjectMetadataList{}
	l.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ControllerRevisionList"))
	st := s.Stack
	if err := r.kube.List(ctx, l, kube.InNamespace(st.Namespace), kube.MatchingLabels{v1alpha1.StackLabel: st.Name}); err != nil {
		return fmt.Errorf("list revisions: %w", err)
	}
	var objs []Object
	_ = meta.EachListItem(l, func(o runtime.Object) error { // the function fails never
		o.GetObjectKind().SetGroupVersionKind(revisionKind)
		objs = append(objs, o.(Object))
		return nil
	})
	s.Revisions = RevisionsOf(st, objs...)
	if err := r.recallServices(ctx, s); err != nil {
		return err
	}
	return r.recallAssets(ctx, s)
}

// recallServices finds the objects of the services that went back. Without
// their revision, which somebody deleted, they cannot: the file counts again.
func (r *reconciler) recallServices(ctx context.Context, s *State) error {
	if len(s.Revisions) == 0 || s.Revisions[len(s.Revisions)-1].Hash != fileHash(s.Stack.Spec) {
		return nil
	}
	s.Former = map[string][]*unstructured.Unstructured{}
	for service, o := range s.Revisions[len(s.Revisions)-1].Outcomes {
		i := slices.IndexFunc(s.Revisions, func(r Revision) bool { return r.Number == o.To })
		if o.Is != outcomeRolledBack || i < 0 {
			continue
		}
		objs, err := r.former(ctx, s.Stack, s.Revisions[i], service)
		if err != nil {
			return fmt.Errorf("recall %s of revision %d: %w", service, o.To, err)
		}
		s.Former[service] = missing(objs, s.Wanted)
	}
	return nil
}

// former returns what a service was made of, from memory if it can.
func (r *reconciler) former(ctx context.Context, st *v1alpha1.Stack, rev Revision, service string) ([]*unstructured.Unstructured, error) {
	t, key := r.translator, keyOf(st)
	t.mu.Lock()
	objs, ok := t.last[key].former[service]
	t.mu.Unlock()
	if ok {
		return objs, nil
	}
	spec, err := r.specOf(ctx, st, rev)
	if err != nil {
		return nil, err
	}
	was := st.DeepCopy()
	was.Spec = spec
	made, err := t.back(st, was, service)
	if err != nil {
		return nil, err
	}
	all, err := markedAll(st, made)
	if err != nil {
		return nil, err
	}
	objs = ofService(all, service)
	t.mu.Lock()
	defer t.mu.Unlock()
	got := t.last[key]
	got.former = maps.Clone(got.former)
	if got.former == nil {
		got.former = map[string][]*unstructured.Unstructured{}
	}
	got.former[service] = objs
	t.last[key] = got
	return objs, nil
}

// ofService picks a service's own objects, and what it shares with others.
func ofService(all []*unstructured.Unstructured, service string) []*unstructured.Unstructured {
	var mine []*unstructured.Unstructured
	claims := map[string]bool{}
	for _, u := range slices.Backward(all) { // claims stand before what mounts them
		own := u.GetLabels()[v1alpha1.ServiceLabel] == service
		if own && workload(u) {
			claims = claimsOf(u)
		}
		switch u.GetKind() {
		case claim:
			own = claims[u.GetName()]
		case "ServiceAccount", "Role", "RoleBinding":
			own = true
		}
		if own {
			mine = append(mine, u)
		}
	}
	slices.Reverse(mine)
	return mine
}

// claimsOf names the volumes that a workload mounts.
func claimsOf(u *unstructured.Unstructured) map[string]bool {
	names := map[string]bool{}
	volumes, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "volumes")
	for _, v := range volumes {
		if m, ok := v.(map[string]any); ok {
			name, _, _ := unstructured.NestedString(m, "persistentVolumeClaim", "claimName")
			names[name] = true
		}
	}
	return names
}

// missing returns objs without what is shared and wanted anyway.
func missing(objs, wanted []*unstructured.Unstructured) []*unstructured.Unstructured {
	have := map[Ref]bool{}
	for _, w := range wanted {
		have[refOf(w)] = w.GetLabels()[v1alpha1.ServiceLabel] == ""
	}
	return slices.DeleteFunc(slices.Clone(objs), func(o *unstructured.Unstructured) bool { return have[refOf(o)] })
}

// recallAssets finds out which assets kept revisions name, once there is one
// that the present file does not.
func (r *reconciler) recallAssets(ctx context.Context, s *State) error {
	named := namedAssets(s.Stack)
	if !slices.ContainsFunc(s.Seen, func(o Object) bool { return refOf(o).isAsset() && owns(s.Stack, o) && !named[refOf(o)] }) {
		return nil
	}
	t, key := r.translator, keyOf(s.Stack)
	t.mu.Lock()
	known := maps.Clone(t.named[key])
	t.mu.Unlock()
	s.Kept = map[Ref]bool{}
	now := map[types.UID]map[Ref]bool{}
	for _, rev := range s.Revisions {
		refs, ok := known[rev.Object.GetUID()]
		if !ok {
			spec, err := r.specOf(ctx, s.Stack, rev)
			if err != nil {
				return fmt.Errorf("recall assets of revision %d: %w", rev.Number, err)
			}
			refs = assetsOf(spec)
		}
		now[rev.Object.GetUID()] = refs
		maps.Copy(s.Kept, refs)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.named == nil {
		t.named = map[types.NamespacedName]map[types.UID]map[Ref]bool{}
	}
	t.named[key] = now
	return nil
}

// specOf reads the file of a revision.
func (r *reconciler) specOf(ctx context.Context, st *v1alpha1.Stack, rev Revision) (v1alpha1.StackSpec, error) {
	var o appsv1.ControllerRevision
	if err := r.kube.Live.Get(ctx, types.NamespacedName{Namespace: st.Namespace, Name: rev.Object.GetName()}, &o); err != nil {
		return v1alpha1.StackSpec{}, fmt.Errorf("read revision %d: %w", rev.Number, err)
	}
	return SpecOf(&o)
}

// SpecOf returns the file that a revision of a stack keeps.
func SpecOf(o *appsv1.ControllerRevision) (spec v1alpha1.StackSpec, err error) {
	if err := json.Unmarshal(o.Data.Raw, &spec); err != nil {
		return spec, fmt.Errorf("read revision %s: %w", o.Name, err)
	}
	return spec, nil
}
