package cli

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
)

// A rolloutState is what deploy knows of a stack that comes up.
type rolloutState struct {
	Generation int64                // that must have been seen
	Published  map[string]bool      // services whose ports are to answer
	Failing    map[string]time.Time // service: since when it has been seen failing
	Stalled    time.Time            // since when the stack has been seen stalled
	Settled    time.Time            // since when every service has been seen settled
	Back       time.Time            // since when a failed update has been seen
	Now        time.Time
}

// A verdict on a rollout. The zero verdict means: look again.
type verdict struct {
	Ready  bool
	Broken []v1alpha1.ServiceStatus // all that fail, when one will not get there by itself
	Reason string                   // why the whole stack will not
	Back   []v1alpha1.ServiceStatus // all whose update failed and that run as before
}

// How long something must be seen wrong before deploy gives up on it. Many
// services crash once or twice until what they need is there, and after a
// deploy that mends a fault the pods of the former one are seen for a moment.
const (
	crashGrace = 30 * time.Second
	wrongGrace = 6 * time.Second
	portGrace  = 10 * time.Second // for published ports to answer, all else being ready
	backGrace  = time.Second      // for the status of a deploy before to go
)

// hopeless are the reasons of a failure that time does not heal.
var hopeless = []string{
	"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
	"RunContainerError", "CreateContainerError", "BackoffLimitExceeded", "DeadlineExceeded", "DependencyFailed",
}

// judge decides whether a rollout is over.
func judge(s v1alpha1.StackStatus, r rolloutState) verdict {
	if s.ObservedGeneration < r.Generation {
		return verdict{}
	}
	if back := setbacks(s); len(back) > 0 && r.past(r.Back, backGrace) && !slices.ContainsFunc(back, moving) {
		return verdict{Back: back}
	}
	if c := stalled(s.Conditions); c != nil && !slices.Contains(ofServices, c.Reason) {
		if c.Reason == v1alpha1.ReasonInvalid || r.past(r.Stalled, wrongGrace) {
			return verdict{Reason: because(c.Reason, c.Message)}
		}
		return verdict{}
	}
	if broken := failing(s); slices.ContainsFunc(broken, r.lost) {
		return verdict{Broken: broken}
	}
	return verdict{Ready: allSettled(s) && (r.answered(s) || r.past(r.Settled, portGrace))}
}

// ofServices are the reasons of a stalled stack that its services tell better.
var ofServices = []string{v1alpha1.ReasonServiceFailed, v1alpha1.ReasonRolledBack, v1alpha1.ReasonPaused}

// setbacks lists the services whose update failed.
func setbacks(s v1alpha1.StackStatus) (all []v1alpha1.ServiceStatus) {
	for _, svc := range s.Services {
		if svc.Reason == v1alpha1.ReasonRolledBack || svc.Reason == v1alpha1.ReasonPaused {
			all = append(all, svc)
		}
	}
	return all
}

// moving tells whether a service that goes back is not there yet.
func moving(s v1alpha1.ServiceStatus) bool {
	return s.Reason == v1alpha1.ReasonRolledBack && s.State != v1alpha1.ServiceReady
}

// failing lists the services that fail now: whoever mends one wants to know
// of the others.
func failing(s v1alpha1.StackStatus) (all []v1alpha1.ServiceStatus) {
	for _, svc := range s.Services {
		if svc.State == v1alpha1.ServiceFailed {
			all = append(all, svc)
		}
	}
	return all
}

// lost tells whether a failing service has had its time.
func (r rolloutState) lost(s v1alpha1.ServiceStatus) bool { return r.past(r.Failing[s.Name], grace(s)) }

// past tells whether something has lasted for d.
func (r rolloutState) past(since time.Time, d time.Duration) bool {
	return !since.IsZero() && r.Now.Sub(since) >= d
}

func grace(s v1alpha1.ServiceStatus) time.Duration {
	if slices.Contains(hopeless, s.Reason) {
		return wrongGrace
	}
	return crashGrace
}

func allSettled(s v1alpha1.StackStatus) bool {
	ready := slices.ContainsFunc(s.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue
	})
	return ready && !slices.ContainsFunc(s.Services, func(v v1alpha1.ServiceStatus) bool { return !rests(v) })
}

// rests tells whether a service is as it is to stay: an update that is still
// watched may yet go back.
func rests(v v1alpha1.ServiceStatus) bool { return settled(v) && v.Reason != v1alpha1.ReasonWatched }

// answered tells whether every published port has its address.
func (r rolloutState) answered(s v1alpha1.StackStatus) bool {
	return !slices.ContainsFunc(s.Services, func(v v1alpha1.ServiceStatus) bool {
		return r.Published[v.Name] && len(v.Addresses) == 0
	})
}

// see notes what is newly wrong or right at the time now, and forgets what no
// longer is.
func (r *rolloutState) see(s v1alpha1.StackStatus, now time.Time) {
	r.Now = now
	if r.Failing == nil {
		r.Failing = map[string]time.Time{}
	}
	for _, svc := range s.Services {
		r.Failing[svc.Name] = mark(r.Failing[svc.Name], now, svc.State == v1alpha1.ServiceFailed)
	}
	r.Stalled = mark(r.Stalled, now, stalled(s.Conditions) != nil)
	r.Back = mark(r.Back, now, len(setbacks(s)) > 0)
	r.Settled = mark(r.Settled, now, allSettled(s))
}

func mark(since, now time.Time, holds bool) time.Time {
	switch {
	case !holds:
		return time.Time{}
	case since.IsZero():
		return now
	}
	return since
}
