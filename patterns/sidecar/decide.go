package sidecar

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/verdict"
)

// State is everything that Decide may look at.
type State struct {
	Sidecar *v1alpha1.Sidecar
	Rule    graft.Rule
	Invalid string        // why there is no Rule
	Pods    []*corev1.Pod // of its namespace
}

// A Plan is what to do next, and how the Sidecar is.
type Plan struct {
	Upgrade *corev1.Pod   // gets the present image where it runs
	Replace *corev1.Pod   // goes, so that its owner makes another
	Missed  []*corev1.Pod // to tell of
	Pods    v1alpha1.PodsStatus
	Verdict verdict.Verdict
}

// Decide compares what is asked with what is seen.
func Decide(s State) Plan {
	switch {
	case s.Sidecar.DeletionTimestamp != nil:
		return Plan{}
	case s.Invalid != "":
		return Plan{Verdict: stalled(v1alpha1.ReasonSpec, s.Invalid)}
	case slices.Contains(v1alpha1.SystemNamespaces, s.Sidecar.Namespace):
		return Plan{Verdict: stalled(v1alpha1.ReasonNamespace, "nothing is put into pods of "+s.Sidecar.Namespace)}
	}
	look := graft.Look(s.Rule, s.Pods, s.Sidecar.Spec.ReplaceMissed)
	return Plan{
		Upgrade: look.Upgrade, Replace: look.Replace, Missed: look.Missed,
		Pods: v1alpha1.PodsStatus{
			Selected: look.Selected, Injected: look.Injected, Outdated: look.Outdated, Missed: int32(len(look.Missed)),
		},
		Verdict: judge(look),
	}
}

func stalled(reason, message string) verdict.Verdict {
	return verdict.Verdict{Stalled: true, Reason: reason, Message: message}
}

func judge(s graft.Survey) verdict.Verdict {
	missed := len(s.Missed)
	switch {
	case s.Upgrade != nil:
		return verdict.Verdict{Ready: missed == 0, Progressing: true, Reason: v1alpha1.ReasonReplacing, Message: "pods get the present image"}
	case s.Replace != nil:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonReplacing, Message: "pods without it, or with an earlier one, are replaced"}
	case s.Selected == 0:
		return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonNoPods, Message: "no pod is selected yet"}
	case missed > 0:
		return verdict.Verdict{Reason: v1alpha1.ReasonMissed, Message: fmt.Sprintf("%d of %d pods were made without it; restart them, or set spec.replaceMissed", missed, s.Selected)}
	case s.Outdated > 0:
		return verdict.Verdict{Reason: v1alpha1.ReasonOutdated, Message: fmt.Sprintf("%d of %d pods have an earlier one; restart them, or set spec.replaceMissed", s.Outdated, s.Selected)}
	}
	return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonInjected, Message: fmt.Sprintf("in %d pods", s.Injected)}
}
