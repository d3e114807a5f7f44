package stack

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

// held is the status of a stack of which nothing may be touched: its services
// are as they were.
func held(s State, why Refusal) v1alpha1.StackStatus {
	st := *s.Stack.Status.DeepCopy()
	st.ObservedGeneration = s.Stack.Generation
	judge(&st, s, why)
	return st
}

// judge fills in the conditions and the summary.
func judge(st *v1alpha1.StackStatus, s State, stuck Refusal) {
	up, failed, moving := count(st.Services)
	st.Summary = fmt.Sprintf("%d/%d", up, len(st.Services))
	story := story(st.Services, up)
	if stuck.Reason == "" && failed > 0 {
		stuck = Refusal{v1alpha1.ReasonServiceFailed, story}
	}
	if stuck.Reason == "" {
		stuck = setback(st.Services)
	}
	set := func(kind string, is bool, reason, message string) {
		c := metav1.Condition{
			Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: shorten(message, 2000),
			ObservedGeneration: s.Stack.Generation, LastTransitionTime: metav1.NewTime(s.Now.Truncate(time.Second)),
		}
		if is {
			c.Status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&st.Conditions, c)
	}
	switch {
	case stuck.Reason != "":
		set(v1alpha1.ConditionReady, false, stuck.Reason, stuck.Message)
		set(v1alpha1.ConditionStalled, true, stuck.Reason, stuck.Message)
	case moving > 0:
		set(v1alpha1.ConditionReady, false, v1alpha1.ReasonRollingOut, story)
		set(v1alpha1.ConditionStalled, false, v1alpha1.ReasonRollingOut, "")
	default:
		set(v1alpha1.ConditionReady, true, v1alpha1.ReasonReady, story)
		set(v1alpha1.ConditionStalled, false, v1alpha1.ReasonSettled, "")
	}
	if moving > 0 {
		set(v1alpha1.ConditionProgressing, true, v1alpha1.ReasonRollingOut, story)
	} else {
		set(v1alpha1.ConditionProgressing, false, v1alpha1.ReasonSettled, "")
	}
}

// setback tells of the first service that does not run what the file says,
// though it runs well.
func setback(all []v1alpha1.ServiceStatus) Refusal {
	for _, sv := range all {
		if sv.Reason == v1alpha1.ReasonRolledBack || sv.Reason == v1alpha1.ReasonPaused {
			return Refusal{sv.Reason, sv.Name + ": " + sv.Message}
		}
	}
	return Refusal{}
}

func count(all []v1alpha1.ServiceStatus) (up, failed, moving int) {
	for _, sv := range all {
		switch sv.State {
		case v1alpha1.ServiceReady, v1alpha1.ServiceCompleted:
			up++
		case v1alpha1.ServiceFailed:
			failed++
		default:
			moving++
		}
	}
	return up, failed, moving
}

// story says in one line how the services are, worst first.
func story(all []v1alpha1.ServiceStatus, up int) string {
	text := fmt.Sprintf("%d of %d services are ready", up, len(all))
	for _, state := range []string{v1alpha1.ServiceFailed, v1alpha1.ServiceProgressing, v1alpha1.ServiceWaiting} {
		for _, sv := range all {
			if sv.State == state {
				return fmt.Sprintf("%s; %s: %s", text, sv.Name, sv.Message)
			}
		}
	}
	return text
}

// settled tells whether every service runs what the file says.
func settled(st v1alpha1.StackStatus) bool {
	return meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionReady)
}
