package stack

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
)

// joins puts a service app into the pods of web, of which there is one: web
// goes on among the init containers.
func (w *world) joins() {
	for _, o := range w.file.objs {
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			continue
		}
		d.Labels[v1alpha1.JoinedPrefix+"app"] = ""
		d.Spec.Replicas = new(int32(1))
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "app:1"}}
		d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "web", Image: "nginx"}}
	}
}

// sharedPod is a pod of web and app, each in the given condition.
func sharedPod(web, app corev1.ContainerStatus) *corev1.Pod {
	p := pod("web", func(*corev1.Pod) {})
	p.Labels[v1alpha1.JoinedPrefix+"app"] = ""
	p.Spec.InitContainers = []corev1.Container{{Name: "web", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}}
	web.Name, app.Name = "web", "app"
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{web}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{app}
	return p
}

var (
	serving  = corev1.ContainerStatus{Ready: true, Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	checking = corev1.ContainerStatus{Started: new(false), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	queued   = corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}}
	broken   = corev1.ContainerStatus{
		RestartCount:         3,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}},
	}
)

func TestServicesOfOnePodAreToldOneByOne(t *testing.T) {
	for _, tt := range []struct {
		name     string
		web, app corev1.ContainerStatus
		warning  string
		want     map[string]string
	}{
		{"both serve", serving, serving, "", map[string]string{"app": "Ready 1/1 ", "web": "Ready 1/1 "}},
		{
			"one waits for the other", checking, queued, "",
			map[string]string{"app": "Waiting 0/1 waits until web is up, in whose pod it runs", "web": "Progressing 0/1 its health check has not passed yet"},
		},
		{
			"one breaks, the other serves", serving, broken, "Back-off restarting failed container",
			map[string]string{"app": "Failed 0/1 exited with code 1, restarted 3 times", "web": "Ready 1/1 "},
		},
		{
			"the first breaks, the other still runs", broken, serving, "",
			map[string]string{"app": "Ready 1/1 ", "web": "Failed 0/1 exited with code 1, restarted 3 times"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.joins()
			w.settle()
			p := sharedPod(tt.web, tt.app)
			w.pods, w.warned[p.UID] = []*corev1.Pod{p}, tt.warning
			w.deployment("web").Status = appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1}
			got := map[string]string{}
			for _, sv := range w.status().Services {
				if sv.Name == "migrate" {
					continue
				}
				got[sv.Name] = sv.State + " " + string('0'+rune(sv.Ready)) + "/1 " + sv.Message
				if host := map[string]string{"app": "web"}[sv.Name]; sv.Host != host || sv.Image != map[string]string{"app": "app:1", "web": "nginx"}[sv.Name] {
					t.Errorf("%s: host %q, image %s", sv.Name, sv.Host, sv.Image)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("services (-want +got):\n%s", d)
			}
		})
	}
}

func TestAServiceWhosePodGoesBackGoesWithIt(t *testing.T) {
	w := newWorld(t)
	w.edits("a:1", goBack)
	w.settle()
	w.edits("a:2", goBack)
	w.joins()
	app := &corev1.Service{TypeMeta: kind("v1", "Service"), ObjectMeta: named("app", "app")}
	w.file.add(app)
	w.settle()
	p := sharedPod(serving, broken)
	p.Annotations = map[string]string{v1alpha1.TemplateAnnotation: "hash of a:2"}
	w.pods = []*corev1.Pod{p}
	why := "app exited with code 1, restarted 3 times"
	want := map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why}, "app": {Is: outcomeRolledBack, To: 1, Why: why}}
	if d := cmp.Diff(want, Decide(w.state()).Outcomes); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	w.settle()
	former := newWorld(t)
	former.edits("a:1", goBack)
	w.former = map[string][]*unstructured.Unstructured{"web": ofService(former.state().Wanted, "web"), "app": nil}
	if d := cmp.Diff([]string{"apply Deployment web", "delete Service app"}, actions(Decide(w.state()))); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
}

func TestAnUpdateHoldsWhenAllServicesOfThePodAreWell(t *testing.T) {
	w := newWorld(t)
	w.edits("a:1", goBack)
	w.joins()
	w.settle()
	w.edits("a:2", goBack)
	w.joins()
	w.settle()
	p := sharedPod(serving, checking)
	w.pods = []*corev1.Pod{p}
	w.deployment("web").Status = appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1}
	w.stack.Status = w.status()
	w.now = noon.Add(time.Minute)
	if got := Decide(w.state()).Outcomes; got != nil {
		t.Errorf("one of two is well, and the outcome is %v", got)
	}
	w.pods = []*corev1.Pod{sharedPod(serving, serving)}
	w.stack.Status = w.status()
	w.now = w.now.Add(time.Minute)
	if got := Decide(w.state()).Outcomes; got["web"].Is != outcomeHeld || got["app"].Is != outcomeHeld {
		t.Errorf("both are well, and the outcome is %v", got)
	}
}

func TestServicesOfAPod(t *testing.T) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.ServiceLabel: "web", v1alpha1.JoinedPrefix + "b": "", v1alpha1.JoinedPrefix + "a": ""}}}
	if d := cmp.Diff([]string{"web", "a", "b"}, ServicesOf(p)); d != "" {
		t.Errorf("services (-want +got):\n%s", d)
	}
}
