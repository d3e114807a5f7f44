package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
)

func ended(name string, code int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
}

func crashing(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name:                 name,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}},
	}
}

func TestExplainSaysWhyAndHowToLookFurther(t *testing.T) {
	cl := answers(t, map[string]any{
		podsPath:                         corev1.PodList{Items: []corev1.Pod{pod("db-5d-x1", "db", crashing("db"))}},
		podsPath + "/db-5d-x1/log":       "starting\nfatal: no password\n",
		"/api/v1/namespaces/shop/events": corev1.EventList{Items: []corev1.Event{{Reason: "BackOff", Message: "restarting failed container"}}},
	})
	var screen screen
	broken := []v1alpha1.ServiceStatus{
		{Name: "db", State: v1alpha1.ServiceFailed, Wanted: 1, Reason: "CrashLoopBackOff", Message: "exit code 1"},
		{Name: "web", State: v1alpha1.ServiceWaiting, Message: "waits for db"},
	}
	err := explainer{io: stdio{Err: &screen}, cluster: cl, stack: *shop}.explain(t.Context(), broken, " within 5m0s")
	want := "\ndb: 0 of 1 ready: CrashLoopBackOff: exit code 1\n  | starting\n  | fatal: no password\n  BackOff: restarting failed container\n"
	if d := cmp.Diff(want, screen.String()); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	if want := "db, web are not ready within 5m0s; nagi logs -p shop and nagi events -n shop tell more"; err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func TestExplainKnowsHowToBringAnImage(t *testing.T) {
	cl := answers(t, map[string]any{podsPath: corev1.PodList{}})
	var screen screen
	broken := []v1alpha1.ServiceStatus{{Name: "db", Wanted: 1, State: v1alpha1.ServiceFailed, Reason: "ImagePullBackOff", Image: "shop/db:1"}}
	_ = explainer{io: stdio{Err: &screen}, cluster: cl, stack: *shop}.explain(t.Context(), broken, "")
	if !screen.has("bring the image with: docker save shop/db:1 | sudo nagi image import -") {
		t.Errorf("text = %s", screen.String())
	}
}

func TestSpeaker(t *testing.T) {
	notYet := running("web")
	notYet.Ready = false
	for _, tt := range []struct {
		name     string
		pod      corev1.Pod
		want     string
		previous bool
	}{
		{"of a container that ended badly, this run", pod("p", "web", running("side"), ended("web", 1)), "web", false},
		{"of one that waits to start again, the run before", pod("p", "web", crashing("web")), "web", true},
		{"of one that runs and does not serve, this run", pod("p", "web", running("side"), notYet), "web", false},
		{"one that ended well has nothing to say", pod("p", "web", ended("web", 0)), "", false},
		{"nothing, when none has run", pod("p", "web"), "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c, previous := speaker(tt.pod, "web"); c != tt.want || previous != tt.previous {
				t.Errorf("speaker = %q, %v, want %q, %v", c, previous, tt.want, tt.previous)
			}
		})
	}
}
