package netpol

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/knftables"
)

// Whatever stood before, a change leaves the same in the kernel as a table
// that is made anew.
func TestAChangeEndsAsANewTableWould(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	var all []Walls
	for _, f := range files {
		s := world()
		s.Policies = policies(t, f)
		all = append(all, Decide(s))
		s.Pods = s.Pods[1:]
		all = append(all, Decide(s))
	}
	changed, anew := newMachine(t), newMachine(t)
	for _, from := range all {
		for _, to := range all {
			changed.apply(from)
			changed.apply(to)
			anew.table.stand = nil
			anew.apply(to)
			if d := cmp.Diff(anew.listing(), changed.listing()); d != "" {
				t.Fatalf("(-anew +changed)\n%s", d)
			}
		}
	}
	changed.apply(Walls{})
	if left := changed.nft("list", "tables"); left != "" {
		t.Errorf("without walls there is left: %s", left)
	}
}

// listing is what the kernel holds, in an order of its own.
func (m machine) listing() map[string][]string {
	m.t.Helper()
	out := map[string][]string{}
	m.do(func() error {
		names, err := m.table.nft.ListAll(m.t.Context())
		if err != nil {
			return err
		}
		for _, kind := range []string{"set", "map"} {
			for _, n := range names[kind] {
				all, err := m.table.nft.ListElements(m.t.Context(), kind, n)
				if err != nil {
					return err
				}
				out[n] = elements(all)
			}
		}
		return nil
	})
	for _, c := range append(sorted(m.table.stand.Chains), "forward", "input", refuseChain) {
		out[c] = []string{m.nft("list", "chain", "ip", Table, c)}
	}
	return out
}

func elements(all []*knftables.Element) []string {
	in := map[string]bool{}
	for _, e := range all {
		in[words(append(e.Key, e.Value...)...)] = true
	}
	return sorted(in)
}

func TestATableThatSomebodyTookAwayIsMissed(t *testing.T) {
	m := newMachine(t)
	s := world()
	s.Policies = []*networkingv1.NetworkPolicy{denyAll("x")}
	here := func() (yes bool) {
		m.do(func() error { yes = m.table.present(t.Context()); return nil })
		return yes
	}
	m.apply(Walls{})
	if !here() {
		t.Error("a table that nobody wants is missed")
	}
	m.apply(Decide(s))
	if !here() {
		t.Error("a table that stands is missed")
	}
	m.nft("flush", "ruleset")
	if here() {
		t.Error("a table that is gone is not missed")
	}
}

// allow lets peers with the label reach web in namespace x on ports.
func allow(app string, ports ...networkingv1.NetworkPolicyPort) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: "allow"},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				From:  []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}},
				Ports: ports,
			}},
		},
	}
}

func number(n int32) *intstr.IntOrString { p := intstr.FromInt32(n); return &p }

func TestPacketsAreJudgedByTheConnection(t *testing.T) {
	m := newMachine(t)
	web, db := m.pod("10.42.0.11"), m.pod("10.42.0.13")
	web.echo("10.42.0.11:80", "10.42.0.11:8080", "10.42.0.11:8005")
	m.echo("10.42.0.1:6443", "10.42.0.1:9999")
	m.nft("add table ip service { chain pre { type nat hook prerouting priority dstnat ; ip daddr 10.43.0.5 tcp dport 80 dnat to 10.42.0.11:8080 ; }; chain post { type nat hook postrouting priority srcnat ; ip saddr 10.42.0.11 ip daddr 10.42.0.11 masquerade ; }; }")
	end, http := int32(8010), intstr.FromString("http")
	for _, tt := range []struct {
		name     string
		policies []*networkingv1.NetworkPolicy
		from     *room
		yes, no  []string
	}{
		{"without a policy all is open", nil, db, []string{"10.42.0.11:80", "10.43.0.5:80", "10.42.0.1:9999"}, nil},
		{"default deny closes pods and their services", []*networkingv1.NetworkPolicy{denyAll("x")}, db, []string{"10.42.0.1:9999"}, []string{"10.42.0.11:80", "10.43.0.5:80"}},
		{"the machine itself always reaches pods", []*networkingv1.NetworkPolicy{denyAll("x")}, m.room, []string{"10.42.0.11:80"}, nil},
		{"a pod reaches itself through a service", []*networkingv1.NetworkPolicy{denyAll("x")}, web, []string{"10.43.0.5:80"}, nil},
		{"a port is what the pod listens on, not the service's", []*networkingv1.NetworkPolicy{allow("db", networkingv1.NetworkPolicyPort{Port: number(80)})}, db, []string{"10.42.0.11:80"}, []string{"10.43.0.5:80", "10.42.0.11:8080"}},
		{"a named port is each pod's own", []*networkingv1.NetworkPolicy{allow("db", networkingv1.NetworkPolicyPort{Port: &http})}, db, []string{"10.42.0.11:8080", "10.43.0.5:80"}, []string{"10.42.0.11:80"}},
		{"a range has both its ends and what is between", []*networkingv1.NetworkPolicy{allow("db", networkingv1.NetworkPolicyPort{Port: number(8000), EndPort: &end})}, db, []string{"10.42.0.11:8005"}, []string{"10.42.0.11:8080", "10.42.0.11:80"}},
		{"another peer is none", []*networkingv1.NetworkPolicy{allow("cache")}, db, nil, []string{"10.42.0.11:80"}},
		{"what may not leave reaches only DNS and the API of the machine", []*networkingv1.NetworkPolicy{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: "in"},
			Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}},
		}}, db, []string{"10.42.0.1:6443"}, []string{"10.42.0.11:80", "10.42.0.1:9999"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := world()
			s.Policies = tt.policies
			m.apply(Decide(s))
			for _, a := range tt.yes {
				if !tt.from.reaches(a) {
					t.Errorf("%s is out of reach", a)
				}
			}
			for _, a := range tt.no {
				if tt.from.reaches(a) {
					t.Errorf("%s can be reached", a)
				}
			}
		})
	}
}

func TestAConnectionThatComesToBeForbiddenIsCut(t *testing.T) {
	m := newMachine(t)
	web, db := m.pod("10.42.0.11"), m.pod("10.42.0.13")
	web.echo("10.42.0.11:80")
	s := world()
	s.Policies = []*networkingv1.NetworkPolicy{allow("db")}
	m.apply(Decide(s))
	c, fromMachine := db.dial("10.42.0.11:80"), m.dial("10.42.0.11:80")
	if c == nil || fromMachine == nil {
		t.Fatal("what a policy allows is refused")
	}
	defer c.Close()
	defer fromMachine.Close()
	s.Policies = append(s.Policies, denyAll("x"))
	m.apply(Decide(s))
	if !answers(c) {
		t.Fatal("a policy that forbids nothing more cut a connection")
	}
	s.Policies = s.Policies[1:]
	m.apply(Decide(s))
	if answers(c) {
		t.Error("the connection goes on though a policy forbids it")
	}
	if !answers(fromMachine) {
		t.Error("the machine's own connection was cut")
	}
	m.apply(Walls{})
	if !db.reaches("10.42.0.11:80") {
		t.Error("without a policy there still is a wall")
	}
}
