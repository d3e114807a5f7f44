package netpol

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// podWith is a pod "namespace/name" with labels "a=b".
func podWith(name, ip string, labels ...string) *corev1.Pod {
	space, name, _ := strings.Cut(name, "/")
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: space, Name: name, UID: types.UID(space + "-" + name), Labels: map[string]string{}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip},
	}
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		p.Labels[k] = v
	}
	return p
}

func listening(p *corev1.Pod, name string, port int32) *corev1.Pod {
	p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Ports: []corev1.ContainerPort{{Name: name, ContainerPort: port}}})
	return p
}

func space(name string, labels ...string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: podWith("/", "", labels...).Labels}}
}

// world is what the golden cases are decided in.
func world() State {
	host := podWith("x/host", "10.42.0.1", "app=web")
	host.Spec.HostNetwork = true
	done := podWith("x/done", "10.42.0.12", "app=web")
	done.Status.Phase = corev1.PodSucceeded
	return State{
		Namespaces: []*corev1.Namespace{space("x", "team=a"), space("y", "team=b"), space("z")},
		Pods: []*corev1.Pod{
			listening(podWith("x/web1", "10.42.0.11", "app=web"), "http", 8080),
			listening(podWith("x/web2", "10.42.0.12", "app=web"), "http", 9090),
			podWith("x/db", "10.42.0.13", "app=db"),
			listening(podWith("y/web", "10.42.0.21", "app=web"), "http", 80),
			podWith("y/db", "10.42.0.22", "app=db"),
			podWith("z/new", "", "app=web"),
			host, done,
		},
	}
}

// Each file of testdata holds policies; what they become is beside it.
func TestPoliciesBecomeTheseWalls(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			s := world()
			s.Policies = policies(t, file)
			got, golden := dump(Decide(s)), strings.TrimSuffix(file, ".yaml")+".walls"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("(-want +got; -update rewrites)\n%s", d)
			}
		})
	}
}

func policies(t *testing.T, file string) []*networkingv1.NetworkPolicy {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []*networkingv1.NetworkPolicy
	for _, doc := range strings.Split(string(b), "\n---\n") {
		n := &networkingv1.NetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(doc), n); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// dump is walls for people.
func dump(w Walls) string {
	var b strings.Builder
	for _, dir := range []struct {
		name string
		pods map[netip.Addr]string
	}{{"to", w.Ingress}, {"from", w.Egress}} {
		for _, a := range addresses(dir.pods) {
			fmt.Fprintf(&b, "%s %s: %s\n", dir.name, a, dir.pods[a])
		}
	}
	for _, name := range sorted(w.Chains) {
		fmt.Fprintf(&b, "\n%s (%s)\n  %s\n", name, w.Chains[name].About, strings.Join(w.Chains[name].Rules, "\n  "))
	}
	for _, name := range sorted(w.Sets) {
		s := w.Sets[name]
		fmt.Fprintf(&b, "\n%s (%s): %s\n  %s\n", name, s.About, s.Type, strings.Join(s.Elements, "\n  "))
	}
	return b.String()
}

func denyAll(namespace string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "deny"},
		Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}},
	}
}

func TestWhichPodHasAnAddress(t *testing.T) {
	addr := netip.MustParseAddr("10.42.0.9")
	young, old := podWith("x/young", "10.42.0.9"), podWith("x/old", "10.42.0.9")
	young.CreationTimestamp, old.CreationTimestamp = metav1.NewTime(time.Unix(20, 0)), metav1.NewTime(time.Unix(10, 0))
	late, ended, host := podWith("x/late", ""), podWith("x/ended", "10.42.0.9"), podWith("x/host", "10.42.0.9")
	ended.Status.Phase, host.Spec.HostNetwork = corev1.PodFailed, true
	for _, tt := range []struct {
		name  string
		pods  []*corev1.Pod
		known map[netip.Addr]types.UID
		want  string
	}{
		{"the one that the API names", []*corev1.Pod{old}, nil, "old"},
		{"the younger of two that the API names", []*corev1.Pod{young, old}, nil, "young"},
		{"one that the API does not know to have it yet", []*corev1.Pod{late}, map[netip.Addr]types.UID{addr: late.UID}, "late"},
		{"what the machine knows wins over the API", []*corev1.Pod{young, late}, map[netip.Addr]types.UID{addr: late.UID}, "late"},
		{"one that has ended has none", []*corev1.Pod{ended}, nil, ""},
		{"one with the machine's network has none of its own", []*corev1.Pod{host}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, p := range located(State{Pods: tt.pods, Addresses: tt.known}) {
				got += p.Name
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWithoutASelectedPodThereIsNothing(t *testing.T) {
	s := world()
	if w := Decide(s); !w.Empty() || w.Sets != nil {
		t.Errorf("without policies: %s", dump(w))
	}
	s.Policies = []*networkingv1.NetworkPolicy{denyAll("nobody")}
	if w := Decide(s); !w.Empty() || w.Sets != nil {
		t.Errorf("with a policy for nobody: %s", dump(w))
	}
}
