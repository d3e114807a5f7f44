package netpol

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
)

// A direction is one of the two in which a policy isolates pods. Rules name
// the ends of the connection, not of the packet: they hold for answers too.
type direction struct {
	prefix   string // of chains
	peer     string // what nft calls the other end's address
	concerns func(*networkingv1.NetworkPolicy) bool
	walls    func(Walls) map[netip.Addr]string
	rules    func(*networkingv1.NetworkPolicy) []rule
}

// What nft calls the ends: who began the connection, and who answers in truth,
// whatever Service was called.
const (
	client = "ct original ip saddr"
	server = "ct reply ip saddr"
	port   = "ct reply proto-src"
)

// A rule of a policy, whichever the direction.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

var ingress = direction{
	prefix:   "to-",
	peer:     client,
	concerns: func(n *networkingv1.NetworkPolicy) bool { return concerns(n, networkingv1.PolicyTypeIngress, true) },
	walls:    func(w Walls) map[netip.Addr]string { return w.Ingress },
	rules: func(n *networkingv1.NetworkPolicy) (out []rule) {
		for _, r := range n.Spec.Ingress {
			out = append(out, rule{r.From, r.Ports})
		}
		return out
	},
}

var egress = direction{
	prefix: "from-",
	peer:   server,
	concerns: func(n *networkingv1.NetworkPolicy) bool {
		return concerns(n, networkingv1.PolicyTypeEgress, len(n.Spec.Egress) > 0)
	},
	walls: func(w Walls) map[netip.Addr]string { return w.Egress },
	rules: func(n *networkingv1.NetworkPolicy) (out []rule) {
		for _, r := range n.Spec.Egress {
			out = append(out, rule{r.To, r.Ports})
		}
		return out
	},
}

// concerns: a policy that names no types has those that the API defines.
func concerns(n *networkingv1.NetworkPolicy, t networkingv1.PolicyType, byDefault bool) bool {
	if len(n.Spec.PolicyTypes) == 0 {
		return byDefault
	}
	return slices.Contains(n.Spec.PolicyTypes, t)
}
