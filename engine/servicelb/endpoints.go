package servicelb

import (
	"net/netip"
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

// An endpointsKey names one port of a Service.
type endpointsKey struct {
	service types.NamespacedName
	port    string
}

// An endpointSet holds ready endpoints, in order and each once.
type endpointSet struct{ local, remote []netip.AddrPort }

// endpoints returns the ready endpoints of every port of every Service.
func endpoints(node string, in []*discoveryv1.EndpointSlice) map[endpointsKey]endpointSet {
	out := map[endpointsKey]endpointSet{}
	for _, slice := range in {
		svc := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
		for _, port := range slice.Ports {
			if port.Port == nil || svc.Name == "" {
				continue
			}
			k := endpointsKey{service: svc}
			if port.Name != nil {
				k.port = *port.Name
			}
			out[k] = out[k].with(node, slice.Endpoints, uint16(*port.Port))
		}
	}
	for k, set := range out {
		out[k] = endpointSet{sorted(set.local), sorted(set.remote)}
	}
	return out
}

// with adds the ready ones of endpoints. Each address of an endpoint is the
// same place, so the first counts.
func (s endpointSet) with(node string, in []discoveryv1.Endpoint, port uint16) endpointSet {
	for _, e := range in {
		if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(e.Addresses[0])
		if err != nil { // a slice of names
			continue
		}
		if ap := netip.AddrPortFrom(addr, port); e.NodeName != nil && *e.NodeName == node {
			s.local = append(s.local, ap)
		} else {
			s.remote = append(s.remote, ap)
		}
	}
	return s
}

func sorted(in []netip.AddrPort) []netip.AddrPort {
	slices.SortFunc(in, netip.AddrPort.Compare)
	return slices.Compact(in)
}
