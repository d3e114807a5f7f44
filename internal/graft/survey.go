package graft

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Survey says which pods have a graft and what to do about those that have
// not.
type Survey struct {
	Selected, Injected, Outdated int32
	Missed                       []*corev1.Pod

	// Upgrade gets the present image where it runs. Replace is made anew by its
	// owner. At most one of them is set, and only while every pod that has the
	// graft as it should be is ready and none is on its way out.
	Upgrade, Replace *corev1.Pod
}

// Look surveys the pods that r selects. Those that ended, or are about to, do
// not count. Pods are replaced only when that is asked for, and only where a
// controller makes them anew and loses no work by it.
func Look(r Rule, pods []*corev1.Pod, replace bool) Survey {
	var s Survey
	settled := true
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	want := r.Mark()
	for _, p := range pods {
		if !r.Selects(p.Namespace, p.Labels) || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		if p.DeletionTimestamp != nil {
			settled = false
			continue
		}
		s.Selected++
		have, there := r.Of(p)
		switch {
		case !there:
			s.Missed = append(s.Missed, p)
		case have.Hash != want.Hash:
			s.Injected++
			s.Outdated++
		case have.Image != want.Image:
			s.Injected++
			s.Outdated++
			s.Upgrade = first(s.Upgrade, p)
			continue
		default:
			s.Injected++
			settled = settled && isReady(p)
			continue
		}
		if replace && replaceable(p) {
			s.Replace = first(s.Replace, p)
		}
	}
	if !settled {
		s.Upgrade, s.Replace = nil, nil
	}
	if s.Upgrade != nil {
		s.Replace = nil
	}
	return s
}

// Of returns what pod says of r.
func (r Rule) Of(pod *corev1.Pod) (Mark, bool) {
	for _, m := range Marks(pod.Annotations[Annotation]) {
		if m.Kind == r.Kind && m.Name == r.Name {
			return m, true
		}
	}
	return Mark{}, false
}

func first(a, b *corev1.Pod) *corev1.Pod {
	if a != nil {
		return a
	}
	return b
}

// replaceable tells of a pod whose owner makes another in its place. A Job
// would count it as a failure.
func replaceable(p *corev1.Pod) bool {
	owner := metav1.GetControllerOf(p)
	return owner != nil && owner.Kind != "Job" && owner.Kind != "Node"
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// TrimPod keeps of a pod what Look reads.
func TrimPod(p *corev1.Pod) {
	p.ManagedFields, p.Spec = nil, corev1.PodSpec{}
	if mark, ok := p.Annotations[Annotation]; ok {
		p.Annotations = map[string]string{Annotation: mark}
	} else {
		p.Annotations = nil
	}
	status := corev1.PodStatus{Phase: p.Status.Phase}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			status.Conditions = []corev1.PodCondition{{Type: c.Type, Status: c.Status}}
		}
	}
	p.Status = status
}

// Upgraded returns what a strategic merge patch changes so that pod runs the
// present image of r.
func (r Rule) Upgraded(pod *corev1.Pod) map[string]any {
	marks := Marks(pod.Annotations[Annotation])
	for i, m := range marks {
		if m.Kind == r.Kind && m.Name == r.Name {
			marks[i].Image, marks[i].Nagi = r.Mark().Image, r.Mark().Nagi
		}
	}
	return map[string]any{
		"metadata": map[string]any{"uid": pod.UID, "annotations": map[string]any{Annotation: text(marks)}},
		"spec":     map[string]any{"initContainers": []any{map[string]any{"name": r.Container(), "image": r.Graft.Sidecar.Image}}},
	}
}
