package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

func TestJudge(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	condition := func(kind, reason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}}
	}
	ready := condition(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "")
	web := v1alpha1.ServiceStatus{Name: "web", State: v1alpha1.ServiceReady}
	job := v1alpha1.ServiceStatus{Name: "migrate", Kind: "Job", State: v1alpha1.ServiceCompleted}
	crash := v1alpha1.ServiceStatus{Name: "db", State: v1alpha1.ServiceFailed, Reason: "CrashLoopBackOff"}
	pull := v1alpha1.ServiceStatus{Name: "cache", State: v1alpha1.ServiceFailed, Reason: "ImagePullBackOff"}
	all := func(s ...v1alpha1.ServiceStatus) []v1alpha1.ServiceStatus { return s }
	for _, tt := range []struct {
		name   string
		status v1alpha1.StackStatus
		state  rolloutState
		want   verdict
	}{
		{
			name:   "a status of the former file says nothing",
			status: v1alpha1.StackStatus{ObservedGeneration: 1, Conditions: ready, Services: all(web)},
			state:  rolloutState{Generation: 2},
		},
		{
			name:   "it is over when all are ready or completed",
			status: v1alpha1.StackStatus{ObservedGeneration: 2, Conditions: ready, Services: all(web, job)},
			state:  rolloutState{Generation: 2},
			want:   verdict{Ready: true},
		},
		{
			name:   "a published port is waited for",
			status: v1alpha1.StackStatus{Conditions: ready, Services: all(web)},
			state:  rolloutState{Published: map[string]bool{"web": true}, Settled: ago(time.Second)},
		},
		{
			name:   "but not for ever: another process may hold it",
			status: v1alpha1.StackStatus{Conditions: ready, Services: all(web)},
			state:  rolloutState{Published: map[string]bool{"web": true}, Settled: ago(time.Minute)},
			want:   verdict{Ready: true},
		},
		{
			name:   "a service may crash at first",
			status: v1alpha1.StackStatus{Services: all(crash, web)},
			state:  rolloutState{Failing: map[string]time.Time{"db": ago(10 * time.Second)}},
		},
		{
			name:   "one that goes on crashing is broken",
			status: v1alpha1.StackStatus{Services: all(crash, web)},
			state:  rolloutState{Failing: map[string]time.Time{"db": ago(time.Minute)}},
			want:   verdict{Broken: all(crash)},
		},
		{
			name:   "an image that nobody has does not appear by waiting",
			status: v1alpha1.StackStatus{Services: all(pull), Conditions: condition(v1alpha1.ConditionStalled, v1alpha1.ReasonServiceFailed, "")},
			state:  rolloutState{Failing: map[string]time.Time{"cache": ago(7 * time.Second)}},
			want:   verdict{Broken: all(pull)},
		},
		{
			name:   "whoever mends one is told of the others",
			status: v1alpha1.StackStatus{Services: all(crash, pull, web)},
			state:  rolloutState{Failing: map[string]time.Time{"cache": ago(7 * time.Second)}},
			want:   verdict{Broken: all(crash, pull)},
		},
		{
			name:   "the pods of the deploy before are seen for a moment",
			status: v1alpha1.StackStatus{Services: all(pull)},
			state:  rolloutState{Failing: map[string]time.Time{"cache": ago(2 * time.Second)}},
		},
		{
			name:   "a file that the controller cannot read is told at once",
			status: v1alpha1.StackStatus{Conditions: condition(v1alpha1.ConditionStalled, v1alpha1.ReasonInvalid, "services.web: no image")},
			state:  rolloutState{Stalled: noon},
			want:   verdict{Reason: "InvalidCompose: services.web: no image"},
		},
		{
			name:   "an object that the server refuses is asked for again first",
			status: v1alpha1.StackStatus{Conditions: condition(v1alpha1.ConditionStalled, v1alpha1.ReasonRefused, "quota")},
			state:  rolloutState{Stalled: ago(time.Second)},
		},
		{
			name:   "then it is the reason of all",
			status: v1alpha1.StackStatus{Conditions: condition(v1alpha1.ConditionStalled, v1alpha1.ReasonRefused, "quota")},
			state:  rolloutState{Stalled: ago(time.Minute)},
			want:   verdict{Reason: "ObjectRefused: quota"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.state.Now = noon
			if d := cmp.Diff(tt.want, judge(tt.status, tt.state)); d != "" {
				t.Errorf("judge (-want +got):\n%s", d)
			}
		})
	}
}

func TestSeeForgetsWhatIsWellAgain(t *testing.T) {
	var r rolloutState
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	status := func(state string) v1alpha1.StackStatus {
		return v1alpha1.StackStatus{Services: []v1alpha1.ServiceStatus{{Name: "db", State: state}}}
	}
	r.see(status(v1alpha1.ServiceFailed), at)
	r.see(status(v1alpha1.ServiceFailed), at.Add(time.Minute))
	if got := r.Failing["db"]; !got.Equal(at) {
		t.Errorf("failing since %s, want the first look, %s", got, at)
	}
	r.see(status(v1alpha1.ServiceReady), at.Add(2*time.Minute))
	if got := r.Failing["db"]; !got.IsZero() {
		t.Errorf("failing since %s, want never", got)
	}
}
