package servicelb

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A Report is what Services are told after the doors of a plan were tried.
type Report struct {
	// Ingress is what the status of a Service should name; only Services
	// whose status names something else are in it.
	Ingress map[types.NamespacedName][]netip.Addr
	Faults  map[types.NamespacedName][]string
	Retry   bool // a door was taken: look again
}

// Tell reports on a plan whose doors in taken could not be opened. A Service
// has an address when all its ports answer there.
func Tell(spec Spec, s State, p Plan, taken map[Door]error) Report {
	r := Report{Ingress: map[types.NamespacedName][]netip.Addr{}, Faults: map[types.NamespacedName][]string{}, Retry: len(taken) > 0}
	for name, f := range p.Faults {
		r.Faults[name] = slices.Clone(f)
	}
	for _, d := range slices.SortedFunc(maps.Keys(taken), compareDoors) {
		name := p.Routes[d].Service
		r.Faults[name] = append(r.Faults[name], faultOf(d, taken[d]))
	}
	for _, svc := range s.Services {
		name := nameOf(svc)
		want := answering(svc, p, taken)
		if !answered(svc) && !writtenHere(spec, svc) || slices.EqualFunc(svc.Status.LoadBalancer.Ingress, want, sameIngress) {
			continue
		}
		r.Ingress[name] = want
	}
	return r
}

// answering returns the addresses at which every port of the Service answers.
func answering(svc *corev1.Service, p Plan, taken map[Door]error) []netip.Addr {
	ports := map[netip.Addr]int{}
	for d, r := range p.Routes {
		if _, no := taken[d]; r.Service == nameOf(svc) && !no {
			ports[d.Addr.Addr()]++
		}
	}
	maps.DeleteFunc(ports, func(_ netip.Addr, n int) bool { return n < len(svc.Spec.Ports) })
	return slices.SortedFunc(maps.Keys(ports), netip.Addr.Compare)
}

// writtenHere reports whether the status of a Service that is not answered
// here (any more) was written here: our addresses, as only we mark them.
func writtenHere(spec Spec, svc *corev1.Service) bool {
	in := svc.Status.LoadBalancer.Ingress
	return len(in) > 0 && !slices.ContainsFunc(in, func(i corev1.LoadBalancerIngress) bool {
		a, err := netip.ParseAddr(i.IP)
		return err != nil || !a.IsLoopback() && !slices.Contains(spec.Addresses, a) || !sameIngress(i, a)
	})
}

func sameIngress(i corev1.LoadBalancerIngress, a netip.Addr) bool {
	return i.IP == a.String() && i.Hostname == "" && i.IPMode != nil && *i.IPMode == corev1.LoadBalancerIPModeProxy
}

func compareDoors(a, b Door) int {
	return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Protocol, b.Protocol))
}

// faultOf says for people why a door is shut.
func faultOf(d Door, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("port %d of %s is taken by another process", d.Addr.Port(), d.Addr.Addr())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("%s is not an address of this machine", d.Addr.Addr())
	}
	return fmt.Sprintf("port %d of %s cannot be opened: %v", d.Addr.Port(), d.Addr.Addr(), err)
}
