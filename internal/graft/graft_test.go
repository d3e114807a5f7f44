package graft

import (
	"encoding/json"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func rule(name string, change func(*Graft)) Rule {
	r := Rule{
		Kind: "Sidecar", Namespace: "shop", Name: name,
		Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		Graft:    Graft{Sidecar: corev1.Container{Image: "plane:1", Args: []string{"--admin=127.0.0.1:" + AdminPort}}},
	}
	if change != nil {
		change(&r.Graft)
	}
	return r
}

func pod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web"}}},
	}
	if change != nil {
		change(p)
	}
	return p
}

// patched applies what Patch says, as the API server does.
func patched(t *testing.T, p *corev1.Pod, rules ...Rule) (*corev1.Pod, []string) {
	t.Helper()
	before, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	ops, refused := Patch(p, "shop", rules)
	text, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply(before)
	if err != nil {
		t.Fatalf("apply %s: %v", text, err)
	}
	out := new(corev1.Pod)
	if err := json.Unmarshal(after, out); err != nil {
		t.Fatal(err)
	}
	return out, refused
}

// shape lists a pod's containers and what they mount.
func shape(p *corev1.Pod) string {
	var b strings.Builder
	for _, c := range p.Spec.InitContainers {
		b.WriteString(c.Name)
		if c.RestartPolicy != nil {
			b.WriteString("*")
		}
		mounts(&b, c)
	}
	b.WriteString("| ")
	for _, c := range p.Spec.Containers {
		b.WriteString(c.Name)
		mounts(&b, c)
	}
	return strings.TrimSpace(b.String())
}

func mounts(b *strings.Builder, c corev1.Container) {
	for _, m := range c.VolumeMounts {
		b.WriteString(":" + m.Name)
	}
	b.WriteString(" ")
}

func TestPatch(t *testing.T) {
	shared := func(g *Graft) {
		g.Volumes = []corev1.Volume{{Name: "conf"}}
		g.Share = []corev1.VolumeMount{{Name: "conf", MountPath: "/conf"}}
	}
	withInit := pod(func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "migrate"}}
	})
	for _, tt := range []struct {
		name  string
		pod   *corev1.Pod
		rules []Rule
		want  string
	}{
		{"a pod without init containers gets one", pod(nil), []Rule{rule("a", nil)}, "nagi-sidecar-a* | main"},
		{"a pod that is not selected stays as it is", pod(func(p *corev1.Pod) { p.Labels = nil }), []Rule{rule("a", nil)}, "| main"},
		{"before stands before the pod's own, after behind them", withInit, []Rule{rule("b", func(g *Graft) { g.After = true }), rule("a", nil)}, "nagi-sidecar-a* migrate nagi-sidecar-b* | main"},
		{"two before keep the order of their names", withInit, []Rule{rule("b", nil), rule("a", nil)}, "nagi-sidecar-a* nagi-sidecar-b* migrate | main"},
		{"a step runs before its sidecar", withInit, []Rule{rule("a", func(g *Graft) { g.Steps = []corev1.Container{{}} })}, "nagi-sidecar-a-step1 nagi-sidecar-a* migrate | main"},
		{"what is shared is mounted in the pod's own containers", withInit, []Rule{rule("a", shared)}, "nagi-sidecar-a* migrate:conf | main:conf"},
		{"what is mounted at the path already stays", pod(func(p *corev1.Pod) {
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "own", MountPath: "/conf"}}
		}), []Rule{rule("a", shared)}, "nagi-sidecar-a* | main:own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := patched(t, tt.pod, tt.rules...)
			if shape(got) != tt.want {
				t.Errorf("pod = %s\nwant  %s", shape(got), tt.want)
			}
			again, _ := patched(t, got, tt.rules...)
			if d := cmp.Diff(got, again); d != "" {
				t.Errorf("a second time changes it: %s", d)
			}
		})
	}
}

func TestEachGraftHasAnAdminPortOfItsOwn(t *testing.T) {
	got, _ := patched(t, pod(nil), rule("a", nil), rule("b", nil))
	for i, want := range []string{"--admin=127.0.0.1:15900", "--admin=127.0.0.1:15901"} {
		if c := got.Spec.InitContainers[i]; c.Args[0] != want {
			t.Errorf("%s has %s, want %s", c.Name, c.Args[0], want)
		}
	}
}

func TestWhatCannotGoInIsTold(t *testing.T) {
	private := pod(func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = new(false) })
	got, refused := patched(t, private, rule("a", func(g *Graft) { g.ShareProcesses = true }), rule("b", nil))
	if shape(got) != "nagi-sidecar-b* | main" || len(refused) != 1 || !strings.Contains(refused[0], "shareProcessNamespace: false") {
		t.Errorf("pod = %s, refused = %q", shape(got), refused)
	}
}

func TestTheUserIsThatOfThePod(t *testing.T) {
	same := rule("a", func(g *Graft) { g.SameUser = true })
	for _, tt := range []struct {
		name string
		pod  *corev1.Pod
		want int64
	}{
		{"root where the pod says nothing", pod(nil), 0},
		{"that of the pod", pod(func(p *corev1.Pod) { p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(int64(7))} }), 7},
		{"that of the first container before it", pod(func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(int64(7))}
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(8))}
		}), 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := patched(t, tt.pod, same)
			if u := got.Spec.InitContainers[0].SecurityContext.RunAsUser; *u != tt.want {
				t.Errorf("user = %d, want %d", *u, tt.want)
			}
		})
	}
}

func TestTheHashIsNotOfTheImage(t *testing.T) {
	one, two := rule("a", nil), rule("a", func(g *Graft) { g.Sidecar.Image = "plane:2" })
	if one.Mark().Hash != two.Mark().Hash {
		t.Error("an image alone makes another hash")
	}
	if other := rule("a", func(g *Graft) { g.After = true }); other.Mark().Hash == one.Mark().Hash {
		t.Error("another graft has the same hash")
	}
}

func TestANameFits(t *testing.T) {
	long := strings.Repeat("x", 60)
	if a, b := Name("Sidecar", long+"a", ""), Name("Sidecar", long+"b", ""); len(a) > 63 || a == b {
		t.Errorf("%s and %s", a, b)
	}
}
