package servicelb

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
)

// table is the nftables table, of family ip, that holds all our rules.
const table = "nagi-servicelb"

// nat keeps the rules that send connections from outside straight to pods of
// this node. Pods are left to the relay: an answer to a pod of the same
// bridge would not pass this machine's connection tracking.
type nat struct {
	nft  knftables.Interface // nil: no rules are needed
	pods []netip.Prefix
	last string // the rules that stand
}

// apply makes the rules those of the doors in one transaction: never is an
// old rule gone before its successor stands. UDP clients of endpoints that
// are gone are sent on.
func (n *nat) apply(ctx context.Context, routes map[Door]Route) error {
	rules := n.rules(routes)
	text := fmt.Sprint(rules)
	if n.nft == nil || text == n.last {
		return nil
	}
	if err := n.replace(ctx, rules); err != nil {
		return err
	}
	n.last = text
	return udpDoors(routes).forget()
}

func (n *nat) replace(ctx context.Context, rules []rule) error {
	tx := n.nft.NewTransaction()
	tx.Add(&knftables.Table{}) // so that it can be deleted
	tx.Delete(&knftables.Table{})
	if len(rules) > 0 {
		n.add(tx, rules)
	}
	if err := n.nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("replace nftables table %s: %w", table, err)
	}
	return nil
}

func (n *nat) add(tx *knftables.Transaction, rules []rule) {
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("Services of type LoadBalancer, by nagi")})
	tx.Add(&knftables.Map{Name: "doors", Type: "ipv4_addr . inet_proto . inet_service : verdict"})
	tx.Add(&knftables.Chain{
		Name:     "prerouting",
		Type:     knftables.PtrTo(knftables.NATType),
		Hook:     knftables.PtrTo(knftables.PreroutingHook),
		Priority: knftables.PtrTo(knftables.DNATPriority + "-10"), // before kube-proxy
	})
	match := "ip daddr . meta l4proto . th dport vmap @doors"
	if len(n.pods) > 0 {
		match = "ip saddr != { " + commas(n.pods) + " } " + match
	}
	tx.Add(&knftables.Rule{Chain: "prerouting", Rule: match})
	for _, r := range rules {
		tx.Add(&knftables.Chain{Name: r.chain})
		for _, line := range r.lines {
			tx.Add(&knftables.Rule{Chain: r.chain, Rule: line})
		}
		tx.Add(&knftables.Element{Map: "doors", Key: r.key, Value: []string{"goto " + r.chain}})
	}
}

// A rule is the chain of one door.
type rule struct {
	chain string
	key   []string // in the map of doors
	lines []string
}

// rules returns the chains for doors that the kernel can serve: those of IPv4
// addresses that can be reached from outside and have an endpoint here. The
// others keep their relay.
func (n *nat) rules(routes map[Door]Route) []rule {
	var out []rule
	for _, d := range slices.SortedFunc(maps.Keys(routes), compareDoors) {
		ends := slices.DeleteFunc(slices.Clone(routes[d].Local), func(a netip.AddrPort) bool { return !a.Addr().Is4() })
		if a := d.Addr.Addr(); !a.Is4() || a.IsLoopback() || len(ends) == 0 {
			continue
		}
		out = append(out, ruleFor(d, routes[d], ends))
	}
	return out
}

func ruleFor(d Door, r Route, ends []netip.AddrPort) rule {
	proto, port := strings.ToLower(string(d.Protocol)), fmt.Sprint(d.Addr.Port())
	out := rule{
		chain: fmt.Sprintf("door-%s/%s/%s", d.Addr.Addr(), proto, port),
		key:   []string{d.Addr.Addr().String(), proto, port},
	}
	if len(r.Sources) > 0 {
		out.lines = append(out.lines, refusal(r.Sources)) // to the relay, which hangs up
	}
	pick := "numgen random"
	if r.Sticky {
		pick = "jhash ip saddr"
	}
	out.lines = append(out.lines, fmt.Sprintf("meta l4proto %s dnat to %s mod %d map { %s }", proto, pick, len(ends), choices(ends)))
	return out
}

// refusal returns the rule for clients outside the ranges, for everybody when
// none of the ranges is of IPv4.
func refusal(sources []netip.Prefix) string {
	v4 := slices.DeleteFunc(slices.Clone(sources), func(p netip.Prefix) bool { return !p.Addr().Is4() })
	if len(v4) == 0 {
		return "return"
	}
	return "ip saddr != { " + commas(v4) + " } return"
}

func choices(ends []netip.AddrPort) string {
	var out []string
	for i, e := range ends {
		out = append(out, fmt.Sprintf("%d : %s . %d", i, e.Addr(), e.Port()))
	}
	return strings.Join(out, ", ")
}

func commas(in []netip.Prefix) string {
	var out []string
	for _, p := range in {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

// reachable leaves out doors that could not be opened: somebody else answers
// there.
func reachable(routes map[Door]Route, taken map[Door]error) map[Door]Route {
	out := maps.Clone(routes)
	maps.DeleteFunc(out, func(d Door, _ Route) bool { return taken[d] != nil })
	return out
}

// Clean removes what the load balancer left in the kernel.
func Clean(ctx context.Context) error {
	nft, err := knftables.New(knftables.IPv4Family, table)
	if err != nil {
		return fmt.Errorf("use nftables: %w", err)
	}
	return (&nat{nft: nft}).replace(ctx, nil)
}
