package ambassador

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/verdict"
	"nagi.dev/plane/config"
)

// State is everything that Decide may look at.
type State struct {
	Ambassador  *v1alpha1.Ambassador
	Rule        graft.Rule
	Invalid     string // why there is no Rule
	Pods        []*corev1.Pod
	World       endpoints.World // of its namespace
	Environment string          // that the namespace says
	Nutcracker  string          // the file that the spec names; "": none, or not there
}

// A Plan is what to do next, and how the Ambassador is.
type Plan struct {
	Document  *config.Config // nil: the one before goes on
	Survey    graft.Survey
	Pods      v1alpha1.PodsStatus
	Endpoints v1alpha1.EndpointsStatus
	Verdict   verdict.Verdict
}

// Decide compares what is asked with what is seen.
func Decide(s State) Plan {
	switch {
	case s.Ambassador.DeletionTimestamp != nil:
		return Plan{}
	case s.Invalid != "":
		return Plan{Verdict: stalled(v1alpha1.ReasonSpec, s.Invalid)}
	case slices.Contains(v1alpha1.SystemNamespaces, s.Ambassador.Namespace):
		return Plan{Verdict: stalled(v1alpha1.ReasonNamespace, "nothing is put into pods of "+s.Ambassador.Namespace)}
	}
	p := Plan{Survey: graft.Look(s.Rule, s.Pods, s.Ambassador.Spec.ReplaceMissed)}
	p.Pods = v1alpha1.PodsStatus{
		Selected: p.Survey.Selected, Injected: p.Survey.Injected, Outdated: p.Survey.Outdated, Missed: int32(len(p.Survey.Missed)),
	}
	doc, count, err := document(s)
	p.Document, p.Endpoints, p.Verdict = doc, count, judge(p.Survey, count, err)
	if doc == nil {
		return p
	}
	if err := doc.Validate(); err != nil {
		p.Document, p.Verdict = nil, stalled(v1alpha1.ReasonDocument, oneLine(err))
	}
	return p
}

func stalled(reason, message string) verdict.Verdict {
	return verdict.Verdict{Stalled: true, Reason: reason, Message: message}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// judge tells of the worst first: nobody to send to, then pods without it.
func judge(s graft.Survey, count v1alpha1.EndpointsStatus, err error) verdict.Verdict {
	missed := len(s.Missed)
	if _, ok := errors.AsType[errEnvironment](err); ok {
		return stalled(v1alpha1.ReasonEnvironment, oneLine(err))
	}
	if _, ok := errors.AsType[errFile](err); ok {
		return stalled(v1alpha1.ReasonDocument, oneLine(err))
	}
	switch {
	case err != nil:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonTarget, Message: oneLine(err)}
	case count.Ready == 0:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonNoEndpoints, Message: "nobody answers behind it"}
	case s.Upgrade != nil || s.Replace != nil:
		return verdict.Verdict{Ready: missed == 0, Progressing: true, Reason: v1alpha1.ReasonReplacing, Message: "pods get it, or its present image"}
	case s.Selected == 0:
		return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonNoPods, Message: "no pod is selected yet"}
	case missed > 0:
		return verdict.Verdict{Reason: v1alpha1.ReasonMissed, Message: fmt.Sprintf("%d of %d pods were made without it; restart them, or set spec.replaceMissed", missed, s.Selected)}
	case s.Outdated > 0:
		return verdict.Verdict{Reason: v1alpha1.ReasonOutdated, Message: fmt.Sprintf("%d of %d pods have an earlier one; restart them, or set spec.replaceMissed", s.Outdated, s.Selected)}
	}
	return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonInjected, Message: fmt.Sprintf("in %d pods", s.Injected)}
}
