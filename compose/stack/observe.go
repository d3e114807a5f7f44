package stack

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

const kindCronJob = "CronJob"

// askedAtOnce bounds how many pods are asked for warnings in one pass.
const askedAtOnce = 16

// observe reads all that Decide looks at.
func (r *reconciler) observe(ctx context.Context, st *v1alpha1.Stack) (State, error) {
	s := State{Stack: st, Now: r.now()}
	wanted, err := r.translator.wanted(st)
	if err != nil {
		s.Invalid = err.Error()
	}
	s.Wanted, s.Dropped = wanted, r.translator.dropped(keyOf(st))
	for _, k := range kept {
		objs, err := r.list(ctx, st, k)
		if err != nil {
			return s, fmt.Errorf("list %ss: %w", k.kind.Kind, err)
		}
		s.Seen = append(s.Seen, objs...)
	}
	if err := r.findAssets(ctx, &s); err != nil {
		return s, err
	}
	if err := r.recall(ctx, &s); err != nil {
		return s, err
	}
	var pods corev1.PodList
	if err := r.kube.List(ctx, &pods, kube.InNamespace(st.Namespace), kube.MatchingLabels{v1alpha1.StackLabel: st.Name}); err != nil {
		return s, fmt.Errorf("list pods: %w", err)
	}
	for i := range pods.Items {
		s.Pods = append(s.Pods, &pods.Items[i])
	}
	s.Warnings = r.warnings(ctx, s.Pods, s.Now)
	return s, nil
}

// A keptKind is one kind of object that a stack is made of.
type keptKind struct {
	kind   schema.GroupVersionKind
	object Object
	list   func() kube.ObjectList // nil: as metadata
	trim   func(Object)
}

// kept are the kinds that a stack is made of.
var kept = []keptKind{
	{kind: appsv1.SchemeGroupVersion.WithKind("Deployment"), object: &appsv1.Deployment{}, list: func() kube.ObjectList { return &appsv1.DeploymentList{} }, trim: keepManagers},
	{kind: appsv1.SchemeGroupVersion.WithKind("DaemonSet"), object: &appsv1.DaemonSet{}, list: func() kube.ObjectList { return &appsv1.DaemonSetList{} }, trim: keepManagers},
	{kind: batchv1.SchemeGroupVersion.WithKind("Job"), object: &batchv1.Job{}, list: func() kube.ObjectList { return &batchv1.JobList{} }},
	{kind: batchv1.SchemeGroupVersion.WithKind(kindCronJob), object: &batchv1.CronJob{}, list: func() kube.ObjectList { return &batchv1.CronJobList{} }},
	{kind: corev1.SchemeGroupVersion.WithKind("Service"), object: &corev1.Service{}, list: func() kube.ObjectList { return &corev1.ServiceList{} }, trim: keepManagers},
	{kind: corev1.SchemeGroupVersion.WithKind(claim), object: &corev1.PersistentVolumeClaim{}, list: func() kube.ObjectList { return &corev1.PersistentVolumeClaimList{} }},
	{kind: corev1.SchemeGroupVersion.WithKind("ServiceAccount"), object: &corev1.ServiceAccount{}, list: func() kube.ObjectList { return &corev1.ServiceAccountList{} }},
	{kind: rbacv1.SchemeGroupVersion.WithKind("Role"), object: &rbacv1.Role{}, list: func() kube.ObjectList { return &rbacv1.RoleList{} }, trim: keepManagers},
	{kind: networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), object: &networkingv1.NetworkPolicy{}, list: func() kube.ObjectList { return &networkingv1.NetworkPolicyList{} }},
	{kind: rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), object: &rbacv1.RoleBinding{}, list: func() kube.ObjectList { return &rbacv1.RoleBindingList{} }},
	{kind: corev1.SchemeGroupVersion.WithKind("ConfigMap"), object: &corev1.ConfigMap{}},
	{kind: corev1.SchemeGroupVersion.WithKind("Secret"), object: &corev1.Secret{}},
}

// list returns the stack's objects of one kind, with their kind set.
func (r *reconciler) list(ctx context.Context, st *v1alpha1.Stack, k keptKind) ([]Object, error) {
	var l kube.ObjectList
	if k.list != nil {
		l = k.list()
	} else {
		m := &metav1.PartialObjectMetadataList{}
		m.SetGroupVersionKind(k.kind.GroupVersion().WithKind(k.kind.Kind + "List"))
		l = m
	}
	if err := r.kube.List(ctx, l, kube.InNamespace(st.Namespace), kube.MatchingLabels{v1alpha1.StackLabel: st.Name}); err != nil {
		return nil, err
	}
	var objs []Object
	err := meta.EachListItem(l, func(o runtime.Object) error {
		obj := o.(Object)
		obj.GetObjectKind().SetGroupVersionKind(k.kind)
		objs = append(objs, obj)
		return nil
	})
	return objs, err
}

// findAssets asks the server for the assets that are not in memory: a deploy
// makes them a moment before the Stack, and the news of the Stack may be first.
func (r *reconciler) findAssets(ctx context.Context, s *State) error {
	seen := index(s.Seen)
	for ref := range namedAssets(s.Stack) {
		if seen[ref] != nil {
			continue
		}
		o := &metav1.PartialObjectMetadata{}
		o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(ref.Kind))
		err := r.kube.Live.Get(ctx, types.NamespacedName{Namespace: s.Stack.Namespace, Name: ref.Name}, o)
		switch {
		case err == nil:
			s.Seen = append(s.Seen, o)
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("look for %s: %w", ref, err)
		}
	}
	return nil
}

// warnings asks the server for the newest warning about each pod that does not
// explain itself. A question that fails costs the reason, not the pass.
func (r *reconciler) warnings(ctx context.Context, pods []*corev1.Pod, now time.Time) map[types.UID]string {
	found := map[types.UID]string{}
	asked := 0
	for _, p := range pods {
		if asked == askedAtOnce || !silent(p, now) {
			continue
		}
		asked++
		var events corev1.EventList
		err := r.kube.Live.List(ctx, &events, kube.InNamespace(p.Namespace),
			kube.MatchingFields{"involvedObject.uid": string(p.UID), "type": corev1.EventTypeWarning})
		if err != nil {
			r.log.Warn("ask for warnings", "pod", p.Name, "error", err)
			continue
		}
		if text := newest(events.Items); text != "" {
			found[p.UID] = text
		}
	}
	return found
}

// newest returns the message of the latest event.
func newest(events []corev1.Event) string {
	var at time.Time
	var text string
	for _, e := range events {
		when := e.LastTimestamp.Time
		if when.IsZero() {
			when = e.EventTime.Time
		}
		if text == "" || when.After(at) {
			at, text = when, e.Message
		}
	}
	return text
}
