package sidecar

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/verdict"
)

func topzSidecar() *v1alpha1.Sidecar {
	return &v1alpha1.Sidecar{
		ObjectMeta: metav1.ObjectMeta{Name: "topz", Namespace: "shop"},
		Spec: v1alpha1.SidecarSpec{
			Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Use:      v1alpha1.SidecarUse{Topz: &v1alpha1.Topz{}},
		},
	}
}

func mustRule(t *testing.T, s *v1alpha1.Sidecar, plane string) graft.Rule {
	t.Helper()
	r, err := Rule(s, plane)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pod of the deployment "web"; with what marks say.
func pod(name string, ready bool, marks string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", Labels: map[string]string{"app": "web"},
		OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Controller: new(true)}},
	}}
	if marks != "" {
		p.Annotations = map[string]string{graft.Annotation: marks}
	}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	return p
}

// marked is a pod's annotation when r was put in with image.
func marked(r graft.Rule, image string) string {
	return strings.Replace(`[{"kind":"Sidecar","name":"topz","hash":"`+r.Mark().Hash+`","image":"IMAGE"}]`, "IMAGE", image, 1)
}

func TestDecide(t *testing.T) {
	s := topzSidecar()
	r := mustRule(t, s, "plane:2")
	asked := topzSidecar()
	asked.Spec.ReplaceMissed = true
	job := pod("c", true, "")
	job.OwnerReferences[0].Kind = "Job"
	ended := pod("d", false, "")
	ended.Status.Phase = corev1.PodSucceeded
	type outcome struct {
		Pods             v1alpha1.PodsStatus
		Verdict          verdict.Verdict
		Upgrade, Replace string
	}
	name := func(p *corev1.Pod) string {
		if p == nil {
			return ""
		}
		return p.Name
	}
	for _, tt := range []struct {
		name    string
		sidecar *v1alpha1.Sidecar
		pods    []*corev1.Pod
		want    outcome
	}{
		{"nothing is selected", s, []*corev1.Pod{ended}, outcome{Verdict: verdict.Verdict{Ready: true, Reason: "NoPods", Message: "no pod is selected yet"}}},
		{"every pod has it", s, []*corev1.Pod{pod("a", true, marked(r, "plane:2"))}, outcome{
			Pods: v1alpha1.PodsStatus{Selected: 1, Injected: 1}, Verdict: verdict.Verdict{Ready: true, Reason: "Injected", Message: "in 1 pods"},
		}},
		{"a pod that missed it stays unless asked", s, []*corev1.Pod{pod("a", true, "")}, outcome{
			Pods:    v1alpha1.PodsStatus{Selected: 1, Missed: 1},
			Verdict: verdict.Verdict{Reason: "PodsMissed", Message: "1 of 1 pods were made without it; restart them, or set spec.replaceMissed"},
		}},
		{"one of those that missed it is replaced when asked", asked, []*corev1.Pod{pod("b", false, ""), pod("a", true, "")}, outcome{
			Pods: v1alpha1.PodsStatus{Selected: 2, Missed: 2}, Replace: "a",
			Verdict: verdict.Verdict{Progressing: true, Reason: "ReplacingPods", Message: "pods without it, or with an earlier one, are replaced"},
		}},
		{"none is replaced while one that has it is not ready", asked, []*corev1.Pod{pod("a", true, ""), pod("b", false, marked(r, "plane:2"))}, outcome{
			Pods:    v1alpha1.PodsStatus{Selected: 2, Injected: 1, Missed: 1},
			Verdict: verdict.Verdict{Reason: "PodsMissed", Message: "1 of 2 pods were made without it; restart them, or set spec.replaceMissed"},
		}},
		{"a Job's pod is never replaced", asked, []*corev1.Pod{job}, outcome{
			Pods:    v1alpha1.PodsStatus{Selected: 1, Missed: 1},
			Verdict: verdict.Verdict{Reason: "PodsMissed", Message: "1 of 1 pods were made without it; restart them, or set spec.replaceMissed"},
		}},
		{"an older image is changed where it runs", s, []*corev1.Pod{pod("a", true, marked(r, "plane:1"))}, outcome{
			Pods: v1alpha1.PodsStatus{Selected: 1, Injected: 1, Outdated: 1}, Upgrade: "a",
			Verdict: verdict.Verdict{Ready: true, Progressing: true, Reason: "ReplacingPods", Message: "pods get the present image"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Decide(State{Sidecar: tt.sidecar, Rule: r, Pods: tt.pods})
			got := outcome{p.Pods, p.Verdict, name(p.Upgrade), name(p.Replace)}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNothingIsPutIntoSystemNamespaces(t *testing.T) {
	s := topzSidecar()
	s.Namespace = "kube-system"
	if p := Decide(State{Sidecar: s, Rule: mustRule(t, s, "plane")}); !p.Verdict.Stalled {
		t.Errorf("verdict = %+v", p.Verdict)
	}
}

func TestContainerFaultsNameTheirField(t *testing.T) {
	for _, tt := range []struct{ name, spec, want string }{
		{"an unknown field", `{"image": "a", "imagee": "b"}`, `unknown field "imagee"`},
		{"no image", `{}`, "spec.image: is required"},
		{"a name", `{"image": "a", "name": "b"}`, "spec.name: leave it out"},
		{"a policy that ends it", `{"image": "a", "restartPolicy": "Never"}`, "spec.restartPolicy: leave it out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := topzSidecar()
			s.Spec.Use = v1alpha1.SidecarUse{Container: &v1alpha1.SidecarContainer{Spec: runtime.RawExtension{Raw: []byte(tt.spec)}}}
			if _, err := Rule(s, "plane"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestASecretStaysInMemory(t *testing.T) {
	s := topzSidecar()
	s.Spec.Use = v1alpha1.SidecarUse{ConfigSync: &v1alpha1.ConfigSync{Secret: "keys", Path: "/keys"}}
	if v := mustRule(t, s, "plane").Graft.Volumes[0]; v.EmptyDir.Medium != corev1.StorageMediumMemory {
		t.Errorf("the files of a Secret lie on a disk: %+v", v)
	}
}
