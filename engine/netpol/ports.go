package netpol

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A span is a range of ports, both ends included.
type span struct{ from, to int }

func (s span) String() string {
	if s.from == s.to {
		return fmt.Sprint(s.from)
	}
	return fmt.Sprintf("%d-%d", s.from, s.to)
}

// ports returns what matches the ports of a rule; "" matches all.
func (d *decision) ports(ports []networkingv1.NetworkPolicyPort) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var out []string
	spans := map[corev1.Protocol][]span{}
	for _, p := range ports {
		proto := corev1.ProtocolTCP
		if p.Protocol != nil {
			proto = *p.Protocol
		}
		l4 := "meta l4proto " + strings.ToLower(string(proto))
		switch {
		case p.Port == nil:
			out = append(out, l4)
		case p.Port.Type == intstr.String:
			out = append(out, l4+" "+server+" . "+port+" @"+d.portSet(proto, p.Port.StrVal))
		default:
			spans[proto] = append(spans[proto], spanOf(p))
		}
	}
	for _, proto := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
		if s := merge(spans[proto]); len(s) > 0 {
			out = append(out, fmt.Sprintf("meta l4proto %s %s { %s }", strings.ToLower(string(proto)), port, strings.Join(s, ", ")))
		}
	}
	return out
}

func spanOf(p networkingv1.NetworkPolicyPort) span {
	s := span{p.Port.IntValue(), p.Port.IntValue()}
	if p.EndPort != nil {
		s.to = int(*p.EndPort)
	}
	return s
}

// merge joins spans that touch: a set takes no port twice.
func merge(in []span) []string {
	slices.SortFunc(in, func(a, b span) int { return a.from - b.from })
	var joined []span
	for _, s := range in {
		if last := len(joined) - 1; last >= 0 && s.from <= joined[last].to+1 {
			joined[last].to = max(joined[last].to, s.to)
			continue
		}
		joined = append(joined, s)
	}
	var out []string
	for _, s := range joined {
		out = append(out, s.String())
	}
	return out
}

// portSet returns the name of the set of what every pod calls by this name:
// the number is each pod's own.
func (d *decision) portSet(proto corev1.Protocol, named string) string {
	name := fmt.Sprintf("port-%s-%s", strings.ToLower(string(proto)), named)
	if _, there := d.walls.Sets[name]; there {
		return name
	}
	s := Set{About: fmt.Sprintf("%s ports named %s", proto, named), Type: "ipv4_addr . inet_service"}
	for _, p := range d.pods {
		for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
			for _, cp := range c.Ports {
				if cp.Name == named && protocol(cp) == proto {
					s.Elements = append(s.Elements, fmt.Sprintf("%s . %d", p.addr, cp.ContainerPort))
				}
			}
		}
	}
	s.Elements = unique(s.Elements)
	d.walls.Sets[name] = s
	return name
}

func protocol(p corev1.ContainerPort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}
