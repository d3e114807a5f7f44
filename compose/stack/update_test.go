package stack

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
)

// edits makes the file of the world one with the image of web and what is to
// be done when an update to it fails.
func (w *world) edits(image, policy string) {
	w.file.without("Deployment", "web")
	d := &appsv1.Deployment{
		TypeMeta: kind("apps/v1", "Deployment"), ObjectMeta: named("web", "web"),
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(4)),
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.TemplateAnnotation: "hash of " + image}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}},
			},
		},
	}
	if policy != "" {
		d.Annotations = map[string]string{v1alpha1.UpdateAnnotation: policy}
	}
	w.file.add(d)
	w.stack.Generation++
	w.stack.Spec.Compose = image + policy
}

// breaks adds n pods of the image whose container ended, and m that run.
func (w *world) breaks(image string, n, m int) {
	for i := range n + m {
		how := func(p *corev1.Pod) {
			container(p).State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}
		}
		if i < n {
			how = crashing(1, 1)
		}
		p := pod("web", how)
		p.Name = fmt.Sprintf("web-%d", i)
		p.Annotations = map[string]string{v1alpha1.TemplateAnnotation: "hash of " + image}
		w.pods = append(w.pods, p)
	}
}

const (
	goBack       = `{"onFailure":"rollback","monitor":"10s","maxRatio":0}`
	tolerant     = `{"onFailure":"rollback","monitor":"10s","maxRatio":0.5}`
	stop         = `{"onFailure":"pause","monitor":"10s","maxRatio":0}`
	goBackOrStop = `{"onFailure":"rollback","monitor":"10s","maxRatio":0,"back":{"onFailure":"pause","monitor":"10s","maxRatio":0}}`
	goOn         = `{"onFailure":"continue","monitor":"10s","maxRatio":0}`
)

func TestOutcomesOfUpdates(t *testing.T) {
	const why = "exited with code 1, restarted once"
	for _, tt := range []struct {
		name  string
		state func(*world)
		want  map[string]Outcome
		wake  time.Duration
	}{
		{"the first revision is no update", func(w *world) {
			w.edits("a:1", goBack)
			w.settle()
			w.breaks("a:1", 1, 0)
		}, nil, 0},
		{"a new container that ends takes the service back", func(w *world) {
			w.update(goBack)
			w.breaks("a:2", 1, 3)
		}, map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why}}, 0},
		{"an old container that ends is no failure of the update", func(w *world) {
			w.update(goBack)
			w.breaks("a:1", 1, 3)
		}, nil, 0},
		{"so many may fail", func(w *world) {
			w.update(tolerant)
			w.breaks("a:2", 2, 2)
		}, nil, 0},
		{"more may not", func(w *world) {
			w.update(tolerant)
			w.breaks("a:2", 3, 1)
		}, map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why}}, 0},
		{"an update is paused", func(w *world) {
			w.update(stop)
			w.breaks("a:2", 1, 3)
		}, map[string]Outcome{"web": {Is: outcomePaused, Why: why}}, 0},
		{"an update goes on", func(w *world) {
			w.update(goOn)
			w.breaks("a:2", 1, 3)
		}, map[string]Outcome{"web": {Is: outcomeContinued, Why: why}}, 0},
		{"without a policy nothing is judged", func(w *world) {
			w.update("")
			w.breaks("a:2", 4, 0)
		}, nil, 0},
		{"what is well is watched for a while", func(w *world) {
			w.update(goBack)
			w.ready()
			w.now = noon.Add(4 * time.Second)
		}, nil, 6 * time.Second},
		{"what was well for long enough has held", func(w *world) {
			w.update(goBack)
			w.ready()
			w.now = noon.Add(10 * time.Second)
		}, map[string]Outcome{"web": {Is: outcomeHeld}}, 0},
		{"an end after that is the service's own affair", func(w *world) {
			w.update(goBack)
			w.ready()
			w.now = noon.Add(10 * time.Second)
			w.settle()
			w.breaks("a:2", 1, 3)
		}, nil, 0},
		{"another file does not end the watch of an update", func(w *world) {
			w.update(goBack)
			w.file.job("migrate", "hash-2")
			w.stack.Spec.Compose += "migrate"
			w.settle()
			w.breaks("a:2", 1, 3)
		}, map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why}}, 0},
		{"an update that held is not watched again after another file", func(w *world) {
			w.update(goBack)
			w.ready()
			w.now = noon.Add(10 * time.Second)
			w.settle()
			w.file.job("migrate", "hash-2")
			w.stack.Spec.Compose += "migrate"
			w.settle()
			w.breaks("a:2", 1, 3)
		}, nil, 0},
		{"going back that fails stands still", func(w *world) {
			w.update(goBackOrStop)
			w.breaks("a:2", 1, 3)
			w.settle()
			w.pods = nil
			w.breaks("a:1", 1, 3)
		}, map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why, Back: outcomePaused, BackWhy: why}}, 0},
		{"a former container that is well and once ended is no failure of going back", func(w *world) {
			w.update(goBackOrStop)
			w.breaks("a:2", 1, 3)
			w.settle()
			w.pods = nil
			w.breaks("a:1", 1, 3)
			w.pods[0].Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}, nil, 0},
		{"going back that went well has held", func(w *world) {
			w.update(goBackOrStop)
			w.breaks("a:2", 1, 3)
			w.settle()
			w.pods = nil
			w.ready()
			w.now = noon.Add(20 * time.Second)
		}, map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why, Back: outcomeHeld}}, 0},
		{"a service goes back past a revision that failed", func(w *world) {
			w.update(stop)
			w.breaks("a:2", 1, 3)
			w.settle()
			w.pods = nil
			w.edits("a:3", goBack)
			w.settle()
			w.breaks("a:3", 1, 3)
		}, map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1, Why: why}}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.state(w)
			s := w.state()
			got, _, wake := judgeUpdates(s, withCurrent(s))
			if len(got) == 0 {
				got = nil
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("outcomes (-want +got):\n%s", d)
			}
			if wake != tt.wake {
				t.Errorf("it looks again in %s, want %s", wake, tt.wake)
			}
		})
	}
}

// update settles a first revision, then a second with the policy.
func (w *world) update(policy string) {
	w.edits("a:1", policy)
	w.settle()
	w.edits("a:2", policy)
	w.settle()
}

func TestDecideGoesBack(t *testing.T) {
	w := newWorld(t)
	w.update(goBack)
	w.breaks("a:2", 1, 3)
	w.settle() // notes the outcome
	former := newWorld(t)
	former.edits("a:1", goBack)
	w.former = map[string][]*unstructured.Unstructured{"web": ofService(former.state().Wanted, "web")}
	p := Decide(w.state())
	if d := cmp.Diff([]string{"apply Deployment web"}, actions(p)); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	if got := imageOf(p.Apply[0].Object, "web"); got != "a:1" {
		t.Errorf("it wants image %s", got)
	}
	w.settle()
	w.pods = nil
	w.ready()
	st := w.status()
	want := "web: revision 2 failed, revision 1 runs: exited with code 1, restarted once"
	if c := st.Conditions[0]; c.Reason != v1alpha1.ReasonRolledBack || c.Message != want {
		t.Errorf("condition = %+v", c)
	}
	for _, sv := range st.Services {
		if sv.Name == "web" && (sv.Revision != 1 || sv.State != v1alpha1.ServiceReady) {
			t.Errorf("web = %+v", sv)
		}
	}
	if got := actions(Decide(w.state())); len(got) > 0 {
		t.Errorf("it does not rest: %q", got)
	}
}

func TestDecidePausesAndGoesOn(t *testing.T) {
	for policy, want := range map[string][]string{stop: {"spec", "paused"}, goOn: {"spec", "strategy", "rollingUpdate", "maxUnavailable"}} {
		w := newWorld(t)
		w.update(policy)
		w.breaks("a:2", 1, 3)
		w.settle()
		p := Decide(w.state())
		if len(p.Apply) != 1 {
			t.Fatalf("plan = %q", actions(p))
		}
		if v, ok, _ := unstructured.NestedFieldNoCopy(p.Apply[0].Object.Object, want...); !ok {
			t.Errorf("%s: %v is %v", policy, want, v)
		}
	}
}

func TestDecideStopsGoingBack(t *testing.T) {
	w := newWorld(t)
	w.update(goBackOrStop)
	w.breaks("a:2", 1, 3)
	w.settle()
	former := newWorld(t)
	former.edits("a:1", goBackOrStop)
	w.former = map[string][]*unstructured.Unstructured{"web": ofService(former.state().Wanted, "web")}
	w.pods = nil
	w.breaks("a:1", 1, 3)
	w.settle()
	p := Decide(w.state())
	if len(p.Apply) != 1 || imageOf(p.Apply[0].Object, "web") != "a:1" {
		t.Fatalf("plan = %q", actions(p))
	}
	if v, ok, _ := unstructured.NestedBool(p.Apply[0].Object.Object, "spec", "paused"); !ok || !v {
		t.Error("the former objects do not stand still")
	}
	want := []string{"web went back to 1: exited with code 1, restarted once", "going back failed too (paused): exited with code 1, restarted once"}
	if d := cmp.Diff(want, w.revisions[1].Failures()); d != "" {
		t.Errorf("failures (-want +got):\n%s", d)
	}
}

func TestHistoryOfServices(t *testing.T) {
	all := []Revision{
		{Number: 1, Templates: map[string]string{"web": "a", "db": "x"}},
		{Number: 2, Templates: map[string]string{"web": "b", "db": "x"}, Outcomes: map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1}}},
		{Number: 3, Templates: map[string]string{"web": "b", "db": "y", "new": "n"}, Outcomes: map[string]Outcome{"web": {Is: outcomeRolledBack, To: 1}}},
		{Number: 4, Templates: map[string]string{"web": "b", "db": "y", "new": "n"}},
	}
	for service, want := range map[string]int64{"web": 4, "db": 3, "new": 3} {
		if got := running(all, service).Number; got != want {
			t.Errorf("%s runs revision %d, want %d", service, got, want)
		}
	}
	if got := running(all[:3], "web").Number; got != 1 {
		t.Errorf("web went back and runs revision %d, want 1", got)
	}
	if r, ok := former(all, "web"); !ok || r.Number != 1 {
		t.Errorf("former of web = %d, %t", r.Number, ok)
	}
	if _, ok := former(all[:3], "new"); ok {
		t.Error("a service that is new has a former revision")
	}
}

func TestTheHashOfATemplateChangesWithIt(t *testing.T) {
	for kind, at := range map[string]string{"Deployment": "template", "Job": "template", kindCronJob: "jobTemplate"} {
		hash := func(image string) string {
			u := &unstructured.Unstructured{Object: map[string]any{"kind": kind, "spec": map[string]any{at: map[string]any{"image": image}}}}
			return templateHash(u)
		}
		first, again, other := hash("a:1"), hash("a:1"), hash("a:2")
		if first != again || first == other {
			t.Errorf("%s: %s, again %s, of another image %s", kind, first, again, other)
		}
	}
}
