package wait

import "testing"

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name      string
		condition string
		state     State
		want      Verdict
	}{
		{"a workload that is not there yet may still come", Healthy, State{}, Verdict{Text: "it does not exist yet"}},
		{"no pods yet", Healthy, State{Found: true}, Verdict{Text: "no pods yet"}},
		{
			"a running pod is started but not healthy", Healthy,
			State{Found: true, Pods: []Pod{{Started: true}}},
			Verdict{Text: "0 of 1 pods ready"},
		},
		{
			"one ready pod is enough", Healthy,
			State{Found: true, Pods: []Pod{{Started: true}, {Started: true, Ready: true}}},
			Verdict{Done: true, Text: "1 of 2 pods ready"},
		},
		{
			"a pod that is being deleted does not count", Healthy,
			State{Found: true, Pods: []Pod{{Ready: true, Leaving: true}}},
			Verdict{Text: "no pods yet"},
		},
		{
			"a running pod is started", Started,
			State{Found: true, Pods: []Pod{{Started: true}}},
			Verdict{Done: true, Text: "1 of 1 pods running"},
		},
		{
			"reasons are named once", Started,
			State{Found: true, Pods: []Pod{{Trouble: "ImagePullBackOff"}, {Trouble: "ImagePullBackOff"}}},
			Verdict{Text: "0 of 2 pods running (ImagePullBackOff)"},
		},
		{"a running job is not completed", Completed, State{Found: true, Pods: []Pod{{Started: true}}}, Verdict{Text: "it still runs"}},
		{"a job that succeeded is completed", Completed, State{Found: true, Succeeded: true}, Verdict{Done: true, Text: "it succeeded"}},
		{
			"a job that failed for good never completes", Completed,
			State{Found: true, Failed: "it failed: BackoffLimitExceeded: 3 tries"},
			Verdict{Failed: true, Text: "it failed: BackoffLimitExceeded: 3 tries"},
		},
		{
			"a failed job without pods never starts", Started,
			State{Found: true, Failed: "it failed: DeadlineExceeded: late"},
			Verdict{Failed: true, Text: "it failed: DeadlineExceeded: late"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Decide(Target{Kind: "job", Name: "x", Condition: tt.condition}, tt.state); got != tt.want {
				t.Errorf("Decide = %+v\nwant     %+v", got, tt.want)
			}
		})
	}
}

func TestParseTarget(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		fine       bool
	}{
		{"a deployment may be healthy", "deployment/db=healthy", true},
		{"a daemonset may be started", "daemonset/agent=started", true},
		{"a job may complete", "job/migrate=completed", true},
		{"one container of it may be healthy", "deployment/db/exporter=healthy", true},
		{"one container of a job never completes", "job/migrate/x=completed", false},
		{"the name of a container is needed", "deployment/db/=healthy", false},
		{"a container has no parts", "deployment/db/a/b=healthy", false},
		{"a deployment never completes", "deployment/db=completed", false},
		{"a pod is no workload", "pod/db=healthy", false},
		{"the name is needed", "job/=completed", false},
		{"the condition is needed", "job/migrate", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseTarget(tt.text)
			if (err == nil) != tt.fine {
				t.Fatalf("ParseTarget(%q) = %+v, %v", tt.text, got, err)
			}
			if again := got.String() + "=" + got.Condition; tt.fine && again != tt.text {
				t.Errorf("read back as %q", again)
			}
		})
	}
}
