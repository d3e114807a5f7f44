package servicelb

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// Class is the loadBalancerClass of Services that are answered here, next
	// to those that name none.
	Class = "nagi.dev/host"

	// AnnotationHostIP limits a Service to some of the addresses, separated by
	// commas. 0.0.0.0 and :: mean all.
	AnnotationHostIP = "nagi.dev/host-ip"
)

// A Spec is what this load balancer is.
type Spec struct {
	Node      string
	Addresses []netip.Addr // loopback and those opened with --listen
}

// A State is what the cluster holds.
type State struct {
	Services []*corev1.Service
	Slices   []*discoveryv1.EndpointSlice
}

// A Door is a port of one address of this machine.
type Door struct {
	Protocol corev1.Protocol // TCP or UDP
	Addr     netip.AddrPort
}

func (d Door) String() string {
	return fmt.Sprintf("%s/%d of %s", strings.ToLower(string(d.Protocol)), d.Addr.Port(), d.Addr.Addr())
}

// A Route is where connections to a door go.
type Route struct {
	Service types.NamespacedName
	Local   []netip.AddrPort // ready endpoints on this node
	Remote  []netip.AddrPort // ready endpoints elsewhere, used when no local one answers
	Sticky  bool             // a client keeps its endpoint
	Sources []netip.Prefix   // who may connect; none: everybody
}

// A Plan is what should be open, and what cannot be.
type Plan struct {
	Routes map[Door]Route
	Faults map[types.NamespacedName][]string // for people, in order
}

// Decide plans the doors of all Services. Where two want the same, the older
// Service has it.
func Decide(spec Spec, s State) Plan {
	p := Plan{Routes: map[Door]Route{}, Faults: map[types.NamespacedName][]string{}}
	ends := endpoints(spec.Node, s.Slices)
	for _, svc := range byAge(s.Services) {
		if !answered(svc) {
			continue
		}
		name := nameOf(svc)
		addrs, faults := addresses(spec, svc)
		sources, more := sourceRanges(svc)
		p.Faults[name] = append(faults, more...)
		for _, port := range svc.Spec.Ports {
			if port.Protocol == corev1.ProtocolSCTP {
				p.fault(name, "port %d: SCTP is not answered on the machine; use TCP or UDP", port.Port)
				continue
			}
			r := route(svc, ends[endpointsKey{name, port.Name}])
			r.Sources = sources
			for _, a := range addrs {
				p.open(Door{protocol(port), netip.AddrPortFrom(a, uint16(port.Port))}, r)
			}
		}
	}
	maps.DeleteFunc(p.Faults, func(_ types.NamespacedName, f []string) bool { return len(f) == 0 })
	return p
}

func (p Plan) fault(svc types.NamespacedName, format string, args ...any) {
	p.Faults[svc] = append(p.Faults[svc], fmt.Sprintf(format, args...))
}

func (p Plan) open(d Door, r Route) {
	if first, taken := p.Routes[d]; taken {
		p.fault(r.Service, "port %d of %s belongs to Service %s, which is older", d.Addr.Port(), d.Addr.Addr(), first.Service)
		return
	}
	p.Routes[d] = r
}

// answered reports whether the Service is one for this load balancer.
func answered(svc *corev1.Service) bool {
	class := svc.Spec.LoadBalancerClass
	return svc.Spec.Type == corev1.ServiceTypeLoadBalancer && svc.DeletionTimestamp == nil && (class == nil || *class == Class)
}

func route(svc *corev1.Service, e endpointSet) Route {
	r := Route{
		Service: nameOf(svc),
		Local:   e.local,
		Remote:  e.remote,
		Sticky:  svc.Spec.SessionAffinity == corev1.ServiceAffinityClientIP,
	}
	if svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		r.Remote = nil
	}
	return r
}

// addresses returns where the Service may answer.
func addresses(spec Spec, svc *corev1.Service) (addrs []netip.Addr, faults []string) {
	for text := range strings.SplitSeq(svc.Annotations[AnnotationHostIP], ",") {
		text = strings.TrimSpace(text)
		a, err := netip.ParseAddr(text)
		switch {
		case text == "", err == nil && a.IsUnspecified():
			addrs = append(addrs, spec.Addresses...)
		case err != nil:
			faults = append(faults, fmt.Sprintf("annotation %s: %q is not an IP address", AnnotationHostIP, text))
		case a.IsLoopback() || slices.Contains(spec.Addresses, a):
			addrs = append(addrs, a)
		default:
			faults = append(faults, fmt.Sprintf("%s is closed; start the server with --listen %s", a, a))
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), faults
}

// sourceRanges returns who may connect. A range that cannot be read lets
// nobody in, rather than everybody.
func sourceRanges(svc *corev1.Service) (out []netip.Prefix, faults []string) {
	for _, text := range svc.Spec.LoadBalancerSourceRanges {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			faults = append(faults, fmt.Sprintf("loadBalancerSourceRanges: %q is not a range such as 192.0.2.0/24", text))
			p = netip.PrefixFrom(netip.IPv6Unspecified(), 128)
		}
		out = append(out, p.Masked())
	}
	return out, faults
}

func protocol(p corev1.ServicePort) corev1.Protocol {
	return cmp.Or(p.Protocol, corev1.ProtocolTCP)
}

func nameOf(svc *corev1.Service) types.NamespacedName {
	return types.NamespacedName{Namespace: svc.Namespace, Name: svc.Name}
}

// byAge returns the Services, oldest first, by name where equally old.
func byAge(in []*corev1.Service) []*corev1.Service {
	return slices.SortedFunc(slices.Values(in), func(a, b *corev1.Service) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}
