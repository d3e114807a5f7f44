package dns

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/applyconfigurations/core/v1"
	discovery "k8s.io/client-go/applyconfigurations/discovery/v1"
)

const (
	serviceNamespace = "kube-system"
	serviceName      = "kube-dns" // the name every Kubernetes uses
	fieldOwner       = "nagi-dns"
)

// keepService makes the Service and puts it right again once a minute, until
// ctx ends. It closes s.kept when the Service stands for the first time.
func (s *Server) keepService(ctx context.Context) {
	kept, wait := s.kept, 200*time.Millisecond
	for {
		err := s.applyService(ctx)
		switch {
		case err == nil:
			if kept != nil {
				close(kept)
				kept = nil
			}
			wait = time.Minute
		case ctx.Err() == nil:
			s.o.Log.Warn("keep the service of dns", "err", err)
			wait = min(2*wait, 5*time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// applyService makes Service and EndpointSlice what they should be.
func (s *Server) applyService(ctx context.Context) error {
	if s.o.Client == nil {
		return nil
	}
	force := metav1.ApplyOptions{FieldManager: fieldOwner, Force: true}
	if _, err := s.o.Client.CoreV1().Services(serviceNamespace).Apply(ctx, service(s.o), force); err != nil {
		return fmt.Errorf("apply service %s: %w", serviceName, err)
	}
	for _, slice := range endpointSlices(s.o) {
		if _, err := s.o.Client.DiscoveryV1().EndpointSlices(serviceNamespace).Apply(ctx, slice, force); err != nil {
			return fmt.Errorf("apply endpoint slice %s: %w", *slice.Name, err)
		}
	}
	return nil
}

func service(o Options) *core.ServiceApplyConfiguration {
	port := func(name string, p corev1.Protocol) *core.ServicePortApplyConfiguration {
		return core.ServicePort().WithName(name).WithProtocol(p).WithPort(53)
	}
	return core.Service(serviceName, serviceNamespace).
		WithLabels(map[string]string{
			"k8s-app":                       "kube-dns",
			"kubernetes.io/cluster-service": "true",
			"kubernetes.io/name":            "CoreDNS",
			"app.kubernetes.io/managed-by":  "nagi",
		}).
		WithSpec(core.ServiceSpec().
			WithClusterIP(o.ServiceIP.String()).
			WithPorts(port("dns", corev1.ProtocolUDP), port("dns-tcp", corev1.ProtocolTCP)))
}

// endpointSlices names the listening addresses as endpoints, one slice a family.
// Loopback is left out: the API takes no such endpoint.
func endpointSlices(o Options) []*discovery.EndpointSliceApplyConfiguration {
	addrs := map[discoveryv1.AddressType][]string{}
	for _, a := range o.Listen {
		family := discoveryv1.AddressTypeIPv6
		if a.Addr().Is4() {
			family = discoveryv1.AddressTypeIPv4
		}
		if !a.Addr().IsLoopback() {
			addrs[family] = append(addrs[family], a.Addr().String())
		}
	}
	var out []*discovery.EndpointSliceApplyConfiguration
	if v4 := addrs[discoveryv1.AddressTypeIPv4]; v4 != nil {
		out = append(out, slice(o, serviceName, discoveryv1.AddressTypeIPv4, v4))
	}
	if v6 := addrs[discoveryv1.AddressTypeIPv6]; v6 != nil {
		out = append(out, slice(o, serviceName+"-ipv6", discoveryv1.AddressTypeIPv6, v6))
	}
	return out
}

func slice(o Options, name string, family discoveryv1.AddressType, addrs []string) *discovery.EndpointSliceApplyConfiguration {
	port := func(name string, p corev1.Protocol) *discovery.EndpointPortApplyConfiguration {
		return discovery.EndpointPort().WithName(name).WithProtocol(p).WithPort(int32(o.Listen[0].Port()))
	}
	var ends []*discovery.EndpointApplyConfiguration
	for _, a := range addrs {
		ends = append(ends, discovery.Endpoint().WithAddresses(a).
			WithConditions(discovery.EndpointConditions().WithReady(true)))
	}
	return discovery.EndpointSlice(name, serviceNamespace).
		WithLabels(map[string]string{
			discoveryv1.LabelServiceName: serviceName,
			discoveryv1.LabelManagedBy:   "nagi.dev",
		}).
		WithAddressType(family).
		WithEndpoints(ends...).
		WithPorts(port("dns", corev1.ProtocolUDP), port("dns-tcp", corev1.ProtocolTCP))
}
