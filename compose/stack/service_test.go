package stack

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestServiceSaysWhyItIsNotReady(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pod     *corev1.Pod
		warning string
		state   string
		reason  string
		message string
	}{
		{"no pod yet", nil, "", "Progressing", "RollingOut", "0 of 2 ready"},
		{
			"an image that is nowhere", pod("web", waiting("ImagePullBackOff", "Back-off pulling image")), "",
			"Failed", "ImagePullBackOff", "image shop/web:1 cannot be pulled: Back-off pulling image",
		},
		{
			"a crash loop tells the exit code", pod("web", crashing(5, 3)), "",
			"Failed", "CrashLoopBackOff", "exited with code 3, restarted 5 times",
		},
		{
			"too little memory is said in words", pod("web", oom), "",
			"Failed", "CrashLoopBackOff", "was killed for its memory: it needs more than its limit, restarted 4 times",
		},
		{
			"one restart is a hitch, not a failure", pod("web", restartedOnce), "",
			"Progressing", "Restarting", "exited with code 1, restarted once",
		},
		{
			"a command that does not exist", pod("web", waiting("RunContainerError", `exec: "serve": not found`)), "",
			"Failed", "RunContainerError", `container web cannot start: exec: "serve": not found`,
		},
		{
			"no node for a moment is on the way", pod("web", unschedulable(2*time.Second)), "",
			"Progressing", "Unschedulable", "no node takes it: 0/1 nodes are available: insufficient cpu",
		},
		{
			"no node for long is a failure", pod("web", unschedulable(time.Minute)), "",
			"Failed", "Unschedulable", "no node takes it: 0/1 nodes are available: insufficient cpu",
		},
		{
			"waiting for another service", pod("web", awaiting), "",
			"Waiting", "WaitingForDependency", "waits until db is healthy and migrate is completed",
		},
		{
			"a dependency that failed for good", pod("web", awaitedInVain), "",
			"Failed", "DependencyFailed", "job/migrate failed: BackoffLimitExceeded",
		},
		{
			"a health check that has not passed yet", pod("web", unhealthy(false)), "",
			"Progressing", "Unhealthy", "its health check has not passed yet",
		},
		{
			"a health check that fails tells why", pod("web", unhealthy(true)), "Readiness probe failed: connection refused",
			"Progressing", "Unhealthy", "Readiness probe failed: connection refused",
		},
		{
			"a mount that fails for a moment is on the way", pod("web", creating(5*time.Second)), `secret "x" not found`,
			"Progressing", "Warning", `secret "x" not found`,
		},
		{
			"a mount that fails for long is a failure", pod("web", creating(time.Minute)), `secret "x" not found`,
			"Failed", "Warning", `secret "x" not found`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.settle()
			if tt.pod != nil {
				w.pods = append(w.pods, tt.pod)
				w.warned[tt.pod.UID] = tt.warning
			}
			for _, sv := range w.status().Services {
				if sv.Name == "web" && (sv.State != tt.state || sv.Reason != tt.reason || sv.Message != tt.message) {
					t.Errorf("got  %s %s %q\nwant %s %s %q", sv.State, sv.Reason, sv.Message, tt.state, tt.reason, tt.message)
				}
			}
		})
	}
}

func TestAReadyContainerThatJustRestartedIsWatched(t *testing.T) {
	w := newWorld(t)
	w.settle()
	w.ready()
	p := pod("web", restartedOnce)
	p.Status.ContainerStatuses[0].Ready = true
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	w.pods = append(w.pods, p)
	plan := Decide(w.state())
	if plan.Status == nil || plan.Status.Services[1].State != "Progressing" || plan.WakeIn != 9*time.Second {
		t.Fatalf("status = %+v, wake in %s", plan.Status, plan.WakeIn)
	}
	w.now = noon.Add(time.Minute)
	if got := w.status().Services[1].State; got != "Ready" {
		t.Errorf("a minute later it is %s", got)
	}
}

func TestSinceStaysWhileTheStateStays(t *testing.T) {
	w := newWorld(t)
	w.settle()
	first := w.stack.Status.Services[1].Since
	w.now = noon.Add(time.Minute)
	w.pods = append(w.pods, pod("web", unhealthy(false)))
	if got := w.status().Services[1]; got.Message == "0 of 2 ready" || !got.Since.Equal(&first) {
		t.Errorf("since = %s, want %s; message %q", got.Since, first, got.Message)
	}
}

func TestAddressesOfPublishedPorts(t *testing.T) {
	w := newWorld(t)
	svc := &corev1.Service{TypeMeta: kind("v1", "Service"), ObjectMeta: named("web-published", "web")}
	svc.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 8080}, {Port: 53, Protocol: "UDP"}}}
	svc.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "127.0.0.1"}, {IP: "fd00::1"}}
	w.file.add(svc)
	w.settle()
	w.drop("Service", "web-published")
	w.seen = append(w.seen, svc)
	got := w.status().Services[1].Addresses
	want := []string{"127.0.0.1:8080", "127.0.0.1:53/udp", "[fd00::1]:8080", "[fd00::1]:53/udp"}
	if len(got) != len(want) {
		t.Fatalf("addresses = %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("address %d = %q, want %q", i, got[i], want[i])
		}
	}
}

// pod returns a pod of a service on a node, in the given condition.
func pod(service string, how func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: named(service+"-1", service), Spec: corev1.PodSpec{NodeName: "here"}}
	p.UID = types.UID(service + "-1")
	p.CreationTimestamp = metav1.NewTime(noon.Add(-5 * time.Second))
	how(p)
	return p
}

func container(p *corev1.Pod) *corev1.ContainerStatus {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", Image: "shop/web:1"}}
	return &p.Status.ContainerStatuses[0]
}

func waiting(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		container(p).State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	}
}

func crashing(restarts, code int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		waiting("CrashLoopBackOff", "back-off")(p)
		c := &p.Status.ContainerStatuses[0]
		c.RestartCount = restarts
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}
	}
}

func oom(p *corev1.Pod) {
	crashing(4, 137)(p)
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated.Reason = "OOMKilled"
}

func restartedOnce(p *corev1.Pod) {
	c := container(p)
	c.RestartCount = 1
	c.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(-time.Second))}
	c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}
}

func unschedulable(ago time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = ""
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable",
			Message: "0/1 nodes are available: insufficient cpu", LastTransitionTime: metav1.NewTime(noon.Add(-ago)),
		}}
	}
}

func awaiting(p *corev1.Pod) {
	p.Spec.InitContainers = []corev1.Container{{Name: waiter, Args: []string{"wait", "--for", "deployment/db=healthy", "--for=job/migrate=completed"}}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: waiter, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	waiting("PodInitializing", "")(p)
}

func awaitedInVain(p *corev1.Pod) {
	awaiting(p)
	p.Status.InitContainerStatuses[0].State = corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: "waiting for job/migrate\njob/migrate failed: BackoffLimitExceeded\n"},
	}
}

func unhealthy(started bool) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		c := container(p)
		c.Started = new(started)
		c.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(-time.Minute))}
	}
}

func creating(ago time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		waiting("ContainerCreating", "")(p)
		p.CreationTimestamp = metav1.NewTime(noon.Add(-ago))
	}
}
