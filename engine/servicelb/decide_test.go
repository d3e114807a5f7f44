package servicelb

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var (
	loop = netip.MustParseAddr("127.0.0.1")
	lan  = netip.MustParseAddr("192.0.2.7")
	here = Spec{Node: "here", Addresses: []netip.Addr{loop, lan}}
)

type edit = func(*corev1.Service)

// service returns a LoadBalancer Service with port 80 whose age is its
// creation's minute.
func service(name string, minute int, edits ...edit) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name,
			CreationTimestamp: metav1.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC),
		},
		Spec: corev1.ServiceSpec{
			Type:  corev1.ServiceTypeLoadBalancer,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
		},
	}
	for _, e := range edits {
		e(s)
	}
	return s
}

func hostIP(v string) edit {
	return func(s *corev1.Service) { s.Annotations = map[string]string{AnnotationHostIP: v} }
}

func class(v string) edit { return func(s *corev1.Service) { s.Spec.LoadBalancerClass = &v } }

func ports(p ...corev1.ServicePort) edit { return func(s *corev1.Service) { s.Spec.Ports = p } }

func shown(addrs ...string) edit {
	return func(s *corev1.Service) {
		mode := corev1.LoadBalancerIPModeProxy
		for _, a := range addrs {
			s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: a, IPMode: &mode})
		}
	}
}

// slice returns the endpoints of a Service's port "http" on a node.
func slice(svc, node string, addrs ...string) *discoveryv1.EndpointSlice {
	name, port := "http", int32(8080)
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: svc + node, Labels: map[string]string{discoveryv1.LabelServiceName: svc}},
		Ports:      []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
	}
	for _, a := range addrs {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, NodeName: &node})
	}
	return s
}

func unready(s *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	no := false
	for i := range s.Endpoints {
		s.Endpoints[i].Conditions.Ready = &no
	}
	return s
}

// openDoors is what a plan opens, as "door -> service".
func openDoors(p Plan) []string {
	var out []string
	for d, r := range p.Routes {
		out = append(out, fmt.Sprintf("%s -> %s", d, r.Service.Name))
	}
	return out
}

func faultsOf(in map[types.NamespacedName][]string) []string {
	var out []string
	for name, fs := range in {
		for _, f := range fs {
			out = append(out, name.Name+": "+f)
		}
	}
	return out
}

func TestDecideDoors(t *testing.T) {
	for _, tt := range []struct {
		name     string
		services []*corev1.Service
		open     []string
		faults   []string
	}{
		{
			name:     "a Service answers on every address",
			services: []*corev1.Service{service("web", 1)},
			open:     []string{"tcp/80 of 127.0.0.1 -> web", "tcp/80 of 192.0.2.7 -> web"},
		},
		{
			name:     "a Service of another type is not for us",
			services: []*corev1.Service{service("web", 1, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort })},
		},
		{
			name:     "a Service of another class is not for us",
			services: []*corev1.Service{service("web", 1, class("example.com/cloud"))},
		},
		{
			name: "a Service that is being deleted gives its port back",
			services: []*corev1.Service{service("web", 1, hostIP("127.0.0.1"), func(s *corev1.Service) {
				s.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}), service("next", 2, hostIP("127.0.0.1"))},
			open: []string{"tcp/80 of 127.0.0.1 -> next"},
		},
		{
			name:     "a Service may name our class",
			services: []*corev1.Service{service("web", 1, class(Class), hostIP("127.0.0.1"))},
			open:     []string{"tcp/80 of 127.0.0.1 -> web"},
		},
		{
			name:     "the annotation limits the addresses, any loopback address counts",
			services: []*corev1.Service{service("web", 1, hostIP("127.0.0.5, 192.0.2.7"))},
			open:     []string{"tcp/80 of 127.0.0.5 -> web", "tcp/80 of 192.0.2.7 -> web"},
		},
		{
			name:     "compose's 0.0.0.0 means every address that is open, and no other",
			services: []*corev1.Service{service("web", 1, hostIP("0.0.0.0"))},
			open:     []string{"tcp/80 of 127.0.0.1 -> web", "tcp/80 of 192.0.2.7 -> web"},
		},
		{
			name:     "an address that is closed stays closed",
			services: []*corev1.Service{service("web", 1, hostIP("203.0.113.1"))},
			faults:   []string{"web: 203.0.113.1 is closed; start the server with --listen 203.0.113.1"},
		},
		{
			name:     "an address that is none is named",
			services: []*corev1.Service{service("web", 1, hostIP("home"))},
			faults:   []string{`web: annotation nagi.dev/host-ip: "home" is not an IP address`},
		},
		{
			name:     "the older of two Services has the port",
			services: []*corev1.Service{service("young", 2, hostIP("127.0.0.1")), service("old", 1, hostIP("127.0.0.1"))},
			open:     []string{"tcp/80 of 127.0.0.1 -> old"},
			faults:   []string{"young: port 80 of 127.0.0.1 belongs to Service shop/old, which is older"},
		},
		{
			name:     "equally old Services go by name",
			services: []*corev1.Service{service("b", 1, hostIP("127.0.0.1")), service("a", 1, hostIP("127.0.0.1"))},
			open:     []string{"tcp/80 of 127.0.0.1 -> a"},
			faults:   []string{"b: port 80 of 127.0.0.1 belongs to Service shop/a, which is older"},
		},
		{
			name: "TCP and UDP of one number are two ports",
			services: []*corev1.Service{service("dns", 1, hostIP("127.0.0.1"), ports(
				corev1.ServicePort{Name: "u", Port: 53, Protocol: corev1.ProtocolUDP},
				corev1.ServicePort{Name: "t", Port: 53, Protocol: corev1.ProtocolTCP}))},
			open: []string{"tcp/53 of 127.0.0.1 -> dns", "udp/53 of 127.0.0.1 -> dns"},
		},
		{
			name:     "SCTP is said not to be answered",
			services: []*corev1.Service{service("web", 1, ports(corev1.ServicePort{Port: 9, Protocol: corev1.ProtocolSCTP}))},
			faults:   []string{"web: port 9: SCTP is not answered on the machine; use TCP or UDP"},
		},
		{
			name: "a range that cannot be read is said",
			services: []*corev1.Service{service("web", 1, hostIP("127.0.0.1"), func(s *corev1.Service) {
				s.Spec.LoadBalancerSourceRanges = []string{"10.0.0.0"}
			})},
			open:   []string{"tcp/80 of 127.0.0.1 -> web"},
			faults: []string{`web: loadBalancerSourceRanges: "10.0.0.0" is not a range such as 192.0.2.0/24`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Decide(here, State{Services: tt.services})
			anyOrder := cmpopts.SortSlices(func(a, b string) bool { return a < b })
			if d := cmp.Diff(tt.open, openDoors(p), anyOrder); d != "" {
				t.Errorf("open: %s", d)
			}
			if d := cmp.Diff(tt.faults, faultsOf(p.Faults), anyOrder); d != "" {
				t.Errorf("faults: %s", d)
			}
		})
	}
}

func TestDecideRoutes(t *testing.T) {
	ends := []*discoveryv1.EndpointSlice{
		slice("web", "here", "10.42.0.6", "10.42.0.5"), slice("web", "there", "10.42.1.5"),
		unready(slice("web", "sick", "10.42.2.5")), slice("other", "here", "10.42.0.9"),
	}
	addr := netip.MustParseAddrPort
	local := []netip.AddrPort{addr("10.42.0.5:8080"), addr("10.42.0.6:8080")}
	remote := []netip.AddrPort{addr("10.42.1.5:8080")}
	name := types.NamespacedName{Namespace: "shop", Name: "web"}
	for _, tt := range []struct {
		name string
		edit edit
		want Route
	}{
		{
			"ready endpoints of this node come first, in order", func(*corev1.Service) {},
			Route{Service: name, Local: local, Remote: remote},
		},
		{
			"the policy Local leaves other nodes out",
			func(s *corev1.Service) { s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal },
			Route{Service: name, Local: local},
		},
		{
			"the affinity ClientIP makes clients stick",
			func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP },
			Route{Service: name, Local: local, Remote: remote, Sticky: true},
		},
		{
			"ranges say who may connect",
			func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.9/24"} },
			Route{Service: name, Local: local, Remote: remote, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Decide(here, State{Services: []*corev1.Service{service("web", 1, tt.edit)}, Slices: ends})
			got := p.Routes[Door{corev1.ProtocolTCP, netip.AddrPortFrom(lan, 80)}]
			if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
				cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTell(t *testing.T) {
	busy := map[Door]error{{corev1.ProtocolTCP, netip.AddrPortFrom(loop, 80)}: fmt.Errorf("bind: %w", syscall.EADDRINUSE)}
	two := ports(corev1.ServicePort{Name: "a", Port: 80}, corev1.ServicePort{Name: "b", Port: 81})
	cluster := func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }
	for _, tt := range []struct {
		name   string
		svc    *corev1.Service
		taken  map[Door]error
		writes bool
		want   []netip.Addr
		faults []string
		retry  bool
	}{
		{name: "a new Service gets its addresses", svc: service("web", 1), writes: true, want: []netip.Addr{loop, lan}},
		{name: "a status that is right is left alone", svc: service("web", 1, shown("127.0.0.1", "192.0.2.7"))},
		{
			name: "a port that is taken costs that address only", svc: service("web", 1), taken: busy, writes: true,
			want: []netip.Addr{lan}, faults: []string{"web: port 80 of 127.0.0.1 is taken by another process"}, retry: true,
		},
		{
			name: "an address needs all ports of the Service", svc: service("web", 1, two), taken: busy, writes: true,
			want: []netip.Addr{lan}, faults: []string{"web: port 80 of 127.0.0.1 is taken by another process"}, retry: true,
		},
		{
			name: "an address that no longer answers is taken back", svc: service("web", 1, hostIP("192.0.2.7"), shown("127.0.0.1", "192.0.2.7")),
			writes: true, want: []netip.Addr{lan},
		},
		{name: "a Service that changes its type loses what we wrote", svc: service("web", 1, cluster, shown("192.0.2.7")), writes: true},
		{name: "a status that another load balancer wrote stays", svc: service("web", 1, class("example.com/cloud"), shown("203.0.113.5"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Services: []*corev1.Service{tt.svc}}
			r := Tell(here, s, Decide(here, s), tt.taken)
			got, writes := r.Ingress[nameOf(tt.svc)]
			if writes != tt.writes || r.Retry != tt.retry {
				t.Errorf("writes = %v, retry = %v", writes, r.Retry)
			}
			if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.faults, faultsOf(r.Faults)); d != "" {
				t.Error(d)
			}
		})
	}
}
