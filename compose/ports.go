package compose

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// hostIPAnnotation, on a Service of published ports, is the one address of the
// machine at which they answer.
const hostIPAnnotation = "nagi.dev/host-ip"

// maxPortRange bounds what one "8000-8100" may unfold to.
const maxPortRange = 100

// A binding is one port of the machine that leads to a service.
type binding struct {
	hostIP string // "": every address that the server publishes on
	port   int32  // 0: any
	config types.ServicePortConfig
}

// published returns the Services of a service's published ports: one for each
// address of the machine that the file names, and one for the ports that
// Kubernetes picks.
func (m *maker) published(s types.ServiceConfig) []Object {
	fixed, picked := map[string][]binding{}, []binding(nil)
	for _, b := range m.bindings(s) {
		if b.port == 0 {
			picked = append(picked, b)
		} else {
			fixed[b.hostIP] = append(fixed[b.hostIP], b)
		}
	}
	name := fitName(m.names[s.Name] + "-published")
	var objs []Object
	for i, ip := range slices.Sorted(maps.Keys(fixed)) {
		if i > 0 {
			name = fitName(m.names[s.Name] + "-published-" + strings.Map(labelRune, expandedIP(ip)))
		}
		objs = append(objs, m.publishedService(s, name, corev1.ServiceTypeLoadBalancer, ip, fixed[ip]))
	}
	if len(picked) > 0 {
		name = fitName(m.names[s.Name] + "-nodeport")
		objs = append(objs, m.publishedService(s, name, corev1.ServiceTypeNodePort, "", picked))
	}
	return objs
}

// expandedIP writes an IPv6 address in full, so that no two become one name.
func expandedIP(ip string) string {
	if a, err := netip.ParseAddr(ip); err == nil {
		return a.StringExpanded()
	}
	return ip
}

// bindings unfolds the ports of a service.
func (m *maker) bindings(s types.ServiceConfig) []binding {
	var out []binding
	for i, p := range s.Ports {
		b := binding{hostIP: p.HostIP, config: p}
		if p.HostIP == "0.0.0.0" || p.HostIP == "::" {
			b.hostIP = ""
		}
		if p.Published == "" {
			out = append(out, b)
			continue
		}
		first, last, err := parsePorts(p.Published)
		if err != nil {
			m.fault(fmt.Sprintf("services.%s.ports[%d]", s.Name, i), "%v", err)
		}
		for b.port = first; b.port <= last; b.port++ {
			out = append(out, b)
		}
	}
	return out
}

func (m *maker) publishedService(s types.ServiceConfig, name string, kind corev1.ServiceType, ip string, bindings []binding) Object {
	svc := &corev1.Service{
		TypeMeta:   typeMeta("v1", "Service"),
		ObjectMeta: m.meta(name, m.names[s.Name]),
		Spec:       corev1.ServiceSpec{Type: kind, Selector: m.podSelector(s.Name)},
	}
	if ip != "" {
		svc.Annotations = map[string]string{hostIPAnnotation: ip}
	}
	seen := map[string]bool{}
	for _, b := range bindings {
		if p := b.servicePort(); !seen[p.Name] {
			seen[p.Name] = true
			svc.Spec.Ports = append(svc.Spec.Ports, p)
		}
	}
	return svc
}

// servicePort returns the binding as Kubernetes has it. A port that Kubernetes
// picks stands behind the container's own number.
func (b binding) servicePort() corev1.ServicePort {
	proto, port := protocol(b.config.Protocol), b.port
	if port == 0 {
		port = int32(b.config.Target)
	}
	p := corev1.ServicePort{
		Name:       fmt.Sprintf("%d-%s", port, strings.ToLower(string(proto))),
		Protocol:   proto,
		Port:       port,
		TargetPort: intstr.FromInt32(int32(b.config.Target)),
	}
	if b.config.AppProtocol != "" {
		p.AppProtocol = new(b.config.AppProtocol)
	}
	return p
}

// parseExpose reads "80", "80/udp" or "8000-8010".
func parseExpose(text string) (first, last int32, proto corev1.Protocol, err error) {
	ports, name, _ := strings.Cut(text, "/")
	first, last, err = parsePorts(ports)
	return first, last, protocol(name), err
}

// parsePorts reads "80" or "8000-8010".
func parsePorts(text string) (first, last int32, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	a, err1 := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	switch {
	case err1 != nil || err2 != nil || b < a:
		return 0, 0, fmt.Errorf(`%q is not a port or a range such as "8000-8010"`, text)
	case b-a >= maxPortRange:
		return 0, 0, fmt.Errorf("%q has more than %d ports", text, maxPortRange)
	}
	return int32(a), int32(b), nil
}

// protocol returns Kubernetes' name of a protocol, TCP when none is given.
func protocol(name string) corev1.Protocol {
	if name == "" {
		return corev1.ProtocolTCP
	}
	return corev1.Protocol(strings.ToUpper(name))
}
