package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
)

// An update is watched from the moment its revision is accepted until all new
// containers have been well for the time the file says. One that fails before
// that ends as the file says:
//
//	updating ──well for monitor──▶ held
//	    │ too many new containers failed
//	    ├─ failure_action: rollback ─▶ rolled back: the former objects are wanted
//	    ├─ failure_action: pause ────▶ paused: the workload stands still
//	    └─ failure_action: continue ─▶ continued: nothing holds the update up
//
// Going back is watched in the same way where rollback_config says so; how that
// ends is the second half of the outcome.
//
// The outcome stands on the revision, so that it outlives the platform. A new
// file is a new revision and begins anew.

// judgeUpdates returns how updates have ended since the last look, which are
// still watched, and when to look again for those.
func judgeUpdates(s State, all []Revision) (ended map[string]Outcome, open map[string]bool, wake time.Duration) {
	now := all[len(all)-1]
	ended, open = map[string]Outcome{}, map[string]bool{}
	for _, w := range s.Wanted {
		policy, ok := compose.FailurePolicyOf(w.GetAnnotations())
		mates := ServicesOf(w)
		name := mates[0]
		if o := now.Outcomes[name]; ok && policy.Back != nil && o.Is == outcomeRolledBack && o.Back == "" {
			wake = sooner(wake, judgeBack(s, all, w, *policy.Back, ended))
			continue
		}
		from, before := former(all, name)
		if !ok || !before || now.Outcomes[name].Is != "" || from.Templates[name] == now.Templates[name] {
			continue
		}
		u := watched{state: s, service: name, mates: mates, from: from, now: now, shown: now.Number, policy: policy, wanted: wantedReplicas(w)}
		o, again := u.judge()
		if o.Is == outcomeRolledBack { // the former pod comes back with all that ran in it
			mates = append(mates, from.together(name)...)
		}
		for _, mate := range mates {
			if o.Is != "" {
				ended[mate] = o
			} else {
				open[mate] = true
			}
		}
		wake = sooner(wake, again)
	}
	return ended, open, wake
}

// judgeBack adds how going back has ended for the services that did, and
// returns when to look again.
func judgeBack(s State, all []Revision, w *unstructured.Unstructured, policy compose.FailurePolicy, ended map[string]Outcome) time.Duration {
	now, name := all[len(all)-1], serviceName(w)
	i := slices.IndexFunc(all, func(r Revision) bool { return r.Number == now.Outcomes[name].To })
	if i < 0 {
		return 0 // somebody deleted it
	}
	if policy.OnFailure == compose.OnFailureRollback {
		policy.OnFailure = compose.OnFailurePause // there is no further back
	}
	to := all[i]
	u := watched{
		state: s, service: name, mates: to.together(name), now: to, shown: running(all, name).Number,
		policy: policy, wanted: wantedReplicas(w), back: true,
	}
	got, again := u.judge()
	if got.Is == "" {
		return again
	}
	for service, o := range now.Outcomes {
		if o.Is == outcomeRolledBack && o.To == to.Number && slices.Contains(append(u.mates, ServicesOf(w)...), service) {
			o.Back, o.BackWhy = got.Is, got.Why
			ended[service] = o
		}
	}
	return again
}

// A watched update is one whose outcome is open.
type watched struct {
	state     State
	service   string
	mates     []string // all services of its pods
	from, now Revision
	shown     int64 // the revision that the status says they run
	back      bool  // it is one that goes back: former containers may run on
	policy    compose.FailurePolicy
	wanted    int32
}

func (u watched) judge() (Outcome, time.Duration) {
	bad, why := u.bad()
	if float64(bad) > u.policy.MaxRatio*float64(max(u.wanted, 1)) {
		switch u.policy.OnFailure {
		case compose.OnFailureRollback:
			return Outcome{Is: outcomeRolledBack, To: u.from.Number, Why: why}, 0
		case compose.OnFailurePause:
			return Outcome{Is: outcomePaused, Why: why}, 0
		default:
			return Outcome{Is: outcomeContinued, Why: why}, 0
		}
	}
	return u.well()
}

// well tells whether the new containers have been well for long enough.
func (u watched) well() (Outcome, time.Duration) {
	since, n := u.now.Created, 0
	for _, sv := range u.state.Stack.Status.Services {
		if !slices.Contains(u.mates, sv.Name) || sv.State != v1alpha1.ServiceReady || sv.Revision != u.shown {
			continue
		}
		n++
		if sv.Since.After(since) {
			since = sv.Since.Time
		}
	}
	if n < len(u.mates) {
		return Outcome{}, 0
	}
	if left := u.policy.Monitor.Duration - u.state.Now.Sub(since); left > 0 {
		return Outcome{}, left
	}
	return Outcome{Is: outcomeHeld}, 0
}

// bad counts the new pods that failed, and says why the first did.
func (u watched) bad() (n int, why string) {
	for _, p := range podsOf(u.state, u.service) {
		if p.Annotations[v1alpha1.TemplateAnnotation] != u.now.Templates[u.service] || u.back && ready(p) {
			continue
		}
		if text := broke(p, u.state.Warnings[p.UID]); text != "" {
			if n++; n == 1 {
				why = shorten(text, 500)
			}
		}
	}
	return n, why
}

// broke says how a pod failed; "" when it did not. Waiting for another service
// is no failure of its own.
func broke(p *corev1.Pod, warning string) string {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if waits(c.Name) || initDone(p, c) {
			continue
		}
		if w := c.State.Waiting; w != nil && (slices.Contains(pulling, w.Reason) || strings.HasSuffix(w.Reason, "Error")) {
			return waitingTrouble(c, w).message
		}
		if end := ended(c); end != nil {
			text := crashes(c, end)
			if ofAnother(p, c.Name, serviceName(p)) {
				text = c.Name + " " + text
			}
			if strings.Contains(warning, "probe failed") {
				text = "its health check failed: " + text
			}
			return text
		}
	}
	return ""
}

// initDone tells of an init container that did its work.
func initDone(p *corev1.Pod, c corev1.ContainerStatus) bool {
	is := slices.ContainsFunc(p.Status.InitContainerStatuses, func(i corev1.ContainerStatus) bool { return i.Name == c.Name })
	return is && c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
}

// withOutcomes returns wanted as the outcomes of the last revision have it.
// back holds the objects of services that went back.
func withOutcomes(wanted []*unstructured.Unstructured, outcomes map[string]Outcome, back map[string][]*unstructured.Unstructured) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, w := range wanted {
		name := w.GetLabels()[v1alpha1.ServiceLabel]
		o := outcomes[name]
		if o.Is == outcomeRolledBack && known(back, name) {
			continue // below
		}
		all = append(all, ending(w, o.Is))
	}
	for _, name := range slices.Sorted(maps.Keys(back)) {
		for _, w := range back[name] {
			all = append(all, ending(w, outcomes[name].Back))
		}
	}
	return all
}

// ending returns an object as the end of an update has it.
func ending(w *unstructured.Unstructured, is string) *unstructured.Unstructured {
	switch {
	case is == outcomePaused && w.GetKind() == "Deployment":
		w = w.DeepCopy()
		_ = unstructured.SetNestedField(w.Object, true, "spec", "paused") // spec is an object
	case is == outcomeContinued && workload(w):
		w = w.DeepCopy()
		unhindered(w)
	}
	return w
}

// known tells whether it is known what a service was made of: nothing of its
// own, perhaps, where it ran in the pod of another.
func known(back map[string][]*unstructured.Unstructured, service string) bool {
	_, ok := back[service]
	return ok
}

// unhindered lets an update replace what remains, ready or not.
func unhindered(w *unstructured.Unstructured) {
	at := []string{"spec", "strategy", "rollingUpdate"}
	if w.GetKind() == "DaemonSet" {
		at[1] = "updateStrategy"
	}
	if _, ok, _ := unstructured.NestedMap(w.Object, at...); !ok {
		return // all are replaced at once
	}
	_ = unstructured.SetNestedField(w.Object, "0%", append(at, "maxSurge")...) // the way there was found
	_ = unstructured.SetNestedField(w.Object, "100%", append(at, "maxUnavailable")...)
}

// told adds to the status of a service how its update ended, unless it has
// troubles of its own.
func told(now Revision, watching bool, sv *v1alpha1.ServiceStatus) {
	o := now.Outcomes[sv.Name]
	switch {
	case sv.State == v1alpha1.ServiceFailed:
	case watching && sv.State == v1alpha1.ServiceReady:
		sv.Reason = v1alpha1.ReasonWatched
		sv.Message = fmt.Sprintf("the update to revision %d is watched for a while", now.Number)
	case o.Is == outcomeRolledBack:
		sv.Reason = v1alpha1.ReasonRolledBack
		sv.Message = fmt.Sprintf("revision %d failed, revision %d runs: %s", now.Number, o.To, o.Why)
		if o.BackWhy != "" {
			sv.Message += fmt.Sprintf("; going back failed too (%s): %s", o.Back, o.BackWhy)
		}
	case o.Is == outcomePaused:
		sv.Reason = v1alpha1.ReasonPaused
		sv.Message = fmt.Sprintf("the update to revision %d stands still: %s", now.Number, o.Why)
	}
}
