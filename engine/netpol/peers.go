package netpol

import (
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// rules returns the lines of a chain: what any of the policies allows comes
// back, the rest is refused.
func (d *decision) rules(dir direction, policies []*networkingv1.NetworkPolicy) []string {
	var out []string
	for _, n := range policies {
		for _, r := range dir.rules(n) {
			for _, peer := range d.peers(dir, n.Namespace, r.peers) {
				for _, ports := range d.ports(r.ports) {
					out = append(out, words(peer, ports, "return"))
				}
			}
		}
	}
	out = append(out, "goto "+refuseChain)
	return unique(out)
}

// peers returns what matches each peer of a rule; "" matches all.
func (d *decision) peers(dir direction, namespace string, peers []networkingv1.NetworkPolicyPeer) []string {
	if len(peers) == 0 {
		return []string{""}
	}
	var out []string
	for _, p := range peers {
		if p.IPBlock == nil {
			out = append(out, dir.peer+" @"+d.peerSet(namespace, p))
		} else if m, ok := block(dir.peer, p.IPBlock); ok {
			out = append(out, m)
		}
	}
	return out
}

// peerSet returns the name of the set of pods that the peer selects.
func (d *decision) peerSet(namespace string, p networkingv1.NetworkPolicyPeer) string {
	spaces, about := labels.Nothing(), "namespace "+namespace
	if p.NamespaceSelector != nil {
		spaces, about = selector(p.NamespaceSelector), "namespaces with "+metav1.FormatLabelSelector(p.NamespaceSelector)
	}
	pods := labels.Everything()
	if p.PodSelector != nil && len(p.PodSelector.MatchLabels)+len(p.PodSelector.MatchExpressions) > 0 {
		pods, about = selector(p.PodSelector), about+", pods with "+metav1.FormatLabelSelector(p.PodSelector)
	}
	name := "pods-" + short(about)
	if _, there := d.walls.Sets[name]; there {
		return name
	}
	s := Set{About: about, Type: "ipv4_addr"}
	for _, c := range d.pods {
		in := c.Namespace == namespace
		if p.NamespaceSelector != nil {
			l, known := d.spaces[c.Namespace]
			in = known && spaces.Matches(l)
		}
		if in && pods.Matches(labels.Set(c.Labels)) {
			s.Elements = append(s.Elements, c.addr.String())
		}
	}
	d.walls.Sets[name] = s
	return name
}

// block matches a range of addresses. One of IPv6 matches nothing: pods have
// none.
func block(end string, b *networkingv1.IPBlock) (string, bool) {
	cidr, err := netip.ParsePrefix(b.CIDR)
	if err != nil || !cidr.Addr().Is4() {
		return "", false
	}
	var out []string
	if cidr.Bits() > 0 { // nft refuses to match all
		out = append(out, end+" "+cidr.Masked().String())
	}
	if except := outermost(b.Except); slices.Contains(except, "0.0.0.0/0") {
		return "", false
	} else if len(except) > 0 {
		out = append(out, end+" != { "+strings.Join(except, ", ")+" }")
	}
	return words(out...), true
}

// outermost drops the ranges that lie in another: a set takes none twice.
func outermost(in []string) []string {
	var all []netip.Prefix
	for _, text := range in {
		if p, err := netip.ParsePrefix(text); err == nil && p.Addr().Is4() {
			all = append(all, p.Masked())
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Bits() - b.Bits(); c != 0 {
			return c
		}
		return a.Addr().Compare(b.Addr())
	})
	var kept []netip.Prefix
	var out []string
	for _, p := range all {
		if !slices.ContainsFunc(kept, func(k netip.Prefix) bool { return k.Contains(p.Addr()) }) {
			kept, out = append(kept, p), append(out, p.String())
		}
	}
	return out
}

// words joins those that are not empty.
func words(in ...string) string {
	return strings.Join(slices.DeleteFunc(in, func(s string) bool { return s == "" }), " ")
}

// unique keeps the first of equal lines.
func unique(in []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(in, func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}
