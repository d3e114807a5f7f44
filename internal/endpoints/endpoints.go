package endpoints

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// A World is what is known of one namespace.
type World struct {
	Services []corev1.Service
	Slices   []discoveryv1.EndpointSlice
	Sets     []appsv1.StatefulSet
	Domain   string // "cluster.local"
}

// An Endpoint answers, or will.
type Endpoint struct {
	Name    string // of the pod, for shards; else ""
	Address string // host:port
	Ready   bool
	Drain   bool // on its way out: it gets nothing new
}

// A Missing target is none that a later change could not bring.
type Missing struct{ Text string }

func (m Missing) Error() string { return m.Text }

func missing(format string, args ...any) error { return Missing{fmt.Sprintf(format, args...)} }

// Service returns the endpoints of a Service that are ready or drain, in the
// order of their addresses. Port 0 is its first.
func (w World) Service(name string, port int32) ([]Endpoint, error) {
	s, p, err := w.port(name, port)
	if err != nil {
		return nil, err
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return []Endpoint{{Address: net.JoinHostPort(s.Spec.ExternalName, strconv.Itoa(int(p.Port))), Ready: true}}, nil
	}
	var all []Endpoint
	w.each(name, p.Name, func(e discoveryv1.Endpoint, number int32) {
		ready, leaving := is(e.Conditions.Ready, true), is(e.Conditions.Terminating, false)
		serving := is(e.Conditions.Serving, ready)
		if ready && !leaving || leaving && serving {
			all = append(all, Endpoint{Address: address(e, number), Ready: !leaving, Drain: leaving})
		}
	})
	return unique(all), nil
}

// StatefulSet returns one endpoint for each replica that is asked for, named
// like its pod, in their order. One whose pod is away stays, so that no key
// moves. Port 0 is the first of its Service.
func (w World) StatefulSet(name string, port int32) ([]Endpoint, error) {
	i := slices.IndexFunc(w.Sets, func(s appsv1.StatefulSet) bool { return s.Name == name })
	if i < 0 {
		return nil, missing("there is no StatefulSet %s", name)
	}
	set := w.Sets[i]
	if set.Spec.ServiceName == "" {
		return nil, missing("StatefulSet %s has no serviceName; its pods have no names to be known by", name)
	}
	_, p, err := w.port(set.Spec.ServiceName, port)
	if err != nil {
		return nil, err
	}
	known := map[string]Endpoint{}
	w.each(set.Spec.ServiceName, p.Name, func(e discoveryv1.Endpoint, number int32) {
		if e.TargetRef != nil {
			// A Service that publishes all its pods calls them ready; whether they
			// serve is told apart.
			ready := is(e.Conditions.Serving, is(e.Conditions.Ready, true)) && !is(e.Conditions.Terminating, false)
			known[e.TargetRef.Name] = Endpoint{Address: address(e, number), Ready: ready}
		}
	})
	replicas, start := int32(1), int32(0)
	if set.Spec.Replicas != nil {
		replicas = *set.Spec.Replicas
	}
	if o := set.Spec.Ordinals; o != nil {
		start = o.Start
	}
	var all []Endpoint
	for n := range replicas {
		pod := fmt.Sprintf("%s-%d", name, start+n)
		e, ok := known[pod]
		if !ok { // its name resolves once it is there
			host := fmt.Sprintf("%s.%s.%s.svc.%s", pod, set.Spec.ServiceName, set.Namespace, w.Domain)
			e.Address = net.JoinHostPort(host, strconv.Itoa(int(target(p))))
		}
		e.Name = pod
		all = append(all, e)
	}
	return all, nil
}

// target is the number that pods of a headless Service listen at.
func target(p corev1.ServicePort) int32 { return cmp.Or(p.TargetPort.IntVal, p.Port) }

// port finds a port of a Service.
func (w World) port(name string, port int32) (corev1.Service, corev1.ServicePort, error) {
	i := slices.IndexFunc(w.Services, func(s corev1.Service) bool { return s.Name == name })
	if i < 0 {
		return corev1.Service{}, corev1.ServicePort{}, missing("there is no Service %s", name)
	}
	s := w.Services[i]
	for _, p := range s.Spec.Ports {
		if port == 0 || p.Port == port {
			return s, p, nil
		}
	}
	if port == 0 {
		return s, corev1.ServicePort{}, missing("Service %s has no port", name)
	}
	return s, corev1.ServicePort{}, missing("Service %s has no port %d", name, port)
}

// each calls f with every IPv4 endpoint of a Service and the number of its
// port.
func (w World) each(service, port string, f func(discoveryv1.Endpoint, int32)) {
	for _, s := range w.Slices {
		if s.Labels[discoveryv1.LabelServiceName] != service || s.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		for _, p := range s.Ports {
			if p.Port == nil || p.Name != nil && *p.Name != port || p.Name == nil && port != "" {
				continue
			}
			for _, e := range s.Endpoints {
				if len(e.Addresses) > 0 {
					f(e, *p.Port)
				}
			}
		}
	}
}

func address(e discoveryv1.Endpoint, port int32) string {
	return net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(port)))
}

func is(b *bool, none bool) bool {
	if b == nil {
		return none
	}
	return *b
}

// unique sorts by address; one that is there twice, in two slices for a
// moment, counts once.
func unique(all []Endpoint) []Endpoint {
	slices.SortFunc(all, func(a, b Endpoint) int { return cmp.Compare(a.Address, b.Address) })
	return slices.CompactFunc(all, func(a, b Endpoint) bool { return a.Address == b.Address })
}
