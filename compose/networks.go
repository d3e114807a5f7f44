package compose

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"nagi.dev/api/v1alpha1"
)

// What network_mode may say of a service that runs.
const (
	modeNone    = "none"
	modeHost    = "host"
	modeBridge  = "bridge"
	modeDefault = "default" // of the engine: its bridge
)

const defaultNetwork = "default"

// A network is one that a service is in. Its label is on the pods.
type network struct {
	key    string // in the file
	label  string
	shared bool // with every stack that names it
	types.NetworkConfig
}

// networksOf returns the networks of a service, sorted by key. A service of
// the engine's own bridge meets all others there, whatever their stack.
func (m *maker) networksOf(s types.ServiceConfig) []network {
	switch s.NetworkMode {
	case "":
	case modeBridge, modeDefault:
		return []network{{key: modeBridge, label: v1alpha1.SharedNetworkPrefix + modeBridge, shared: true}}
	default:
		return nil
	}
	keys := slices.Sorted(maps.Keys(s.Networks))
	if len(keys) == 0 {
		keys = []string{defaultNetwork}
	}
	out := make([]network, len(keys))
	for i, key := range keys {
		out[i] = m.network(key)
	}
	return out
}

// network reads one. A name of its own makes it known beyond the stack; one
// that begins with the project's is what everyone has who says nothing.
func (m *maker) network(key string) network {
	n := network{key: key, NetworkConfig: m.project.Networks[key]}
	name := cmp.Or(n.Name, key)
	n.shared = bool(n.External) || n.Name != "" && n.Name != m.project.Name+"_"+key
	if n.shared {
		n.label = v1alpha1.SharedNetworkPrefix + ObjectName(name)
	} else {
		n.label = v1alpha1.NetworkPrefix + ObjectName(key)
	}
	return n
}

// walls returns the policies that keep networks apart: one a network, and one
// a service for what it publishes or for that it has no network.
func (m *maker) walls() []Object {
	used, labels := map[string]network{}, map[string]string{}
	for _, service := range m.serviceKeys() {
		for _, n := range m.networksOf(m.project.Services[service]) {
			if other, twice := labels[n.label]; twice && other != n.key {
				m.fault("networks."+n.key, "becomes the same as networks.%s in Kubernetes; rename one of them", other)
			}
			used[n.key], labels[n.label] = n, n.key
		}
	}
	closed := slices.ContainsFunc(slices.Collect(maps.Values(used)), func(n network) bool { return n.Internal })
	var objs []Object
	for _, key := range slices.Sorted(maps.Keys(used)) {
		objs = append(objs, m.networkPolicy(used[key], closed))
	}
	for _, service := range m.serviceKeys() {
		objs = append(objs, m.serviceWalls(m.project.Services[service])...)
	}
	return objs
}

func (m *maker) serviceWalls(s types.ServiceConfig) []Object {
	switch {
	case s.NetworkMode == modeNone:
		p := m.policy(fitName(m.names[s.Name]+"-no-network"), m.names[s.Name], m.podSelector(s.Name))
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
		return []Object{p}
	case len(s.Ports) > 0 && publishes(s):
		p := m.policy(fitName(m.names[s.Name]+"-published"), m.names[s.Name], m.podSelector(s.Name))
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{Ports: openPorts(s)}}
		return []Object{p}
	}
	return nil
}

// publishes tells whether the ports of a service can be published: one without
// a network has none, one in the machine's network listens there by itself.
func publishes(s types.ServiceConfig) bool {
	return s.NetworkMode != modeNone && s.NetworkMode != modeHost && !strings.HasPrefix(s.NetworkMode, types.ServicePrefix)
}

// openPorts are the published ports as the container has them.
func openPorts(s types.ServiceConfig) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for _, p := range s.Ports {
		open := networkingv1.NetworkPolicyPort{Protocol: new(protocol(p.Protocol)), Port: new(intstr.FromInt32(int32(p.Target)))}
		if !slices.ContainsFunc(out, func(o networkingv1.NetworkPolicyPort) bool {
			return *o.Port == *open.Port && *o.Protocol == *open.Protocol
		}) {
			out = append(out, open)
		}
	}
	return out
}

// networkPolicy lets the members of a network reach one another. Where one of
// the stack's networks is internal, each also says where its members may go:
// a service of several may go where any of them leads.
func (m *maker) networkPolicy(n network, closed bool) Object {
	p := m.policy(fitName("network-"+ObjectName(n.key)), "", map[string]string{n.label: ""})
	markFrom(&p.ObjectMeta, n.Labels)
	peers := []networkingv1.NetworkPolicyPeer{n.members()}
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: peers}}
	if !closed {
		return p
	}
	p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{}}
	if n.Internal {
		p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: peers}, askNames()}
	}
	return p
}

// members are the pods of the network, of other stacks too where it is shared.
func (n network) members() networkingv1.NetworkPolicyPeer {
	peer := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{n.label: ""}}}
	if n.shared {
		peer.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: v1alpha1.StackLabel, Operator: metav1.LabelSelectorOpExists},
		}}
	}
	return peer
}

// askNames lets a service without a way out ask the cluster's DNS.
func askNames() networkingv1.NetworkPolicyEgressRule {
	port := new(intstr.FromInt32(53))
	return networkingv1.NetworkPolicyEgressRule{
		To: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{
			MatchLabels: map[string]string{corev1.LabelMetadataName: metav1.NamespaceSystem},
		}}},
		Ports: []networkingv1.NetworkPolicyPort{
			{Protocol: new(corev1.ProtocolUDP), Port: port}, {Protocol: new(corev1.ProtocolTCP), Port: port},
		},
	}
}

func (m *maker) policy(name, service string, pods map[string]string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta:   typeMeta(networkingv1.SchemeGroupVersion.String(), "NetworkPolicy"),
		ObjectMeta: m.meta(name, service),
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: pods}},
	}
}

// setNetwork gives a pod the network that the service asks for.
func setNetwork(pod *corev1.PodSpec, s types.ServiceConfig) {
	switch s.NetworkMode {
	case modeHost:
		pod.HostNetwork = true
		pod.DNSPolicy = corev1.DNSClusterFirstWithHostNet
		pod.Hostname, pod.HostnameOverride = "", nil // it has the machine's
	case modeNone:
		pod.DNSPolicy = corev1.DNSNone
		pod.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"127.0.0.1"}} // Kubernetes wants one
	}
}
