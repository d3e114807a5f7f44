package netpol

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
)

// Table is the nftables table, of family ip, that holds all our rules.
const Table = "nagi-netpol"

// Names within the table.
const (
	ingressMap  = "ingress"
	egressMap   = "egress"
	selfSet     = "self"
	refuseChain = "refuse"
)

// A table keeps Walls in the kernel.
type table struct {
	nft   knftables.Interface
	pods  netip.Prefix // of the cluster
	open  []Door
	stand *Walls // what the kernel holds; nil: unknown
}

// A Door is a service of the machine itself that every pod reaches, whatever
// its policies say.
type Door struct {
	Protocol string // "tcp"
	Addr     netip.AddrPort
}

// apply makes the rules those of the walls in one transaction: there is no
// moment without them. It changes only what differs; what it cannot trust it
// makes anew.
func (t *table) apply(ctx context.Context, w Walls) error {
	tx := t.nft.NewTransaction()
	switch {
	case t.stand == nil || w.Empty() || t.stand.Empty():
		if t.stand != nil && w.Empty() && t.stand.Empty() {
			return nil
		}
		t.replace(tx, w)
	default:
		change(tx, *t.stand, w)
	}
	if tx.NumOperations() == 0 {
		return nil
	}
	t.stand = nil
	if err := t.nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("change nftables table %s: %w", Table, err)
	}
	t.stand = &w
	return nil
}

// present tells whether somebody took the table away: a firewall that was
// loaded anew, say.
func (t *table) present(ctx context.Context) bool {
	if t.stand == nil || t.stand.Empty() {
		return true // nothing to miss
	}
	chains, err := t.nft.List(ctx, "chains")
	return err == nil && slices.Contains(chains, "forward") && slices.Contains(chains, "input")
}

// replace makes the whole table.
func (t *table) replace(tx *knftables.Transaction, w Walls) {
	tx.Add(&knftables.Table{}) // so that it can be deleted
	tx.Delete(&knftables.Table{})
	if w.Empty() {
		return
	}
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("NetworkPolicies, by nagi")})
	for _, m := range []string{ingressMap, egressMap} {
		tx.Add(&knftables.Map{Name: m, Type: "ipv4_addr : verdict"})
	}
	tx.Add(&knftables.Chain{Name: refuseChain})
	tx.Add(&knftables.Rule{Chain: refuseChain, Rule: "meta l4proto tcp reject with tcp reset"})
	tx.Add(&knftables.Rule{Chain: refuseChain, Rule: "reject with icmp type admin-prohibited"})
	change(tx, Walls{}, w)
	t.hook(tx, knftables.ForwardHook, t.forward())
	t.hook(tx, knftables.InputHook, t.input())
}

func (*table) hook(tx *knftables.Transaction, h knftables.BaseChainHook, rules []string) {
	name := string(h)
	tx.Add(&knftables.Chain{Name: name, Type: knftables.PtrTo(knftables.FilterType), Hook: knftables.PtrTo(h), Priority: knftables.PtrTo(knftables.FilterPriority)})
	for _, r := range rules {
		tx.Add(&knftables.Rule{Chain: name, Rule: r})
	}
}

// errors about a connection are no traffic of their own.
const aboutConnections = "ct state related meta l4proto icmp accept"

// forward judges between pods, and between pods and the world. A packet of no
// connection could not be judged.
func (t *table) forward() []string {
	return []string{
		aboutConnections,
		"ct state invalid,untracked ip saddr " + t.pods.String() + " drop",
		"ct state invalid,untracked ip daddr " + t.pods.String() + " drop",
		client + " . " + server + " @" + selfSet + " accept",
		client + " vmap @" + egressMap,
		server + " vmap @" + ingressMap,
	}
}

// input judges what pods ask of the machine itself. What the machine asks of
// pods, a kubelet's probes above all, nothing judges.
func (t *table) input() []string {
	out := []string{"ip saddr != " + t.pods.String() + " accept", aboutConnections}
	for _, d := range t.open {
		out = append(out, fmt.Sprintf("ip daddr %s %s dport %d accept", d.Addr.Addr(), d.Protocol, d.Addr.Port()))
	}
	return append(out, client+" vmap @"+egressMap)
}

// change turns one set of walls into another. What a rule names stands before
// the rule, and goes after it.
func change(tx *knftables.Transaction, old, now Walls) {
	for _, name := range sorted(now.Sets) {
		s, before := now.Sets[name], old.Sets[name]
		if _, there := old.Sets[name]; !there {
			tx.Add(&knftables.Set{Name: name, Type: s.Type, Comment: comment(s.About)})
		}
		for _, e := range without(before.Elements, s.Elements) {
			tx.Delete(&knftables.Element{Set: name, Key: strings.Split(e, " . ")})
		}
		for _, e := range without(s.Elements, before.Elements) {
			tx.Add(&knftables.Element{Set: name, Key: strings.Split(e, " . ")})
		}
	}
	for _, name := range sorted(now.Chains) {
		changeChain(tx, name, old.Chains, now.Chains[name])
	}
	changeMap(tx, ingressMap, old.Ingress, now.Ingress)
	changeMap(tx, egressMap, old.Egress, now.Egress)
	for _, name := range sorted(old.Chains) {
		if _, stays := now.Chains[name]; !stays {
			tx.Flush(&knftables.Chain{Name: name})
			tx.Delete(&knftables.Chain{Name: name})
		}
	}
	for _, name := range sorted(old.Sets) {
		if _, stays := now.Sets[name]; !stays {
			tx.Delete(&knftables.Set{Name: name})
		}
	}
}

func changeChain(tx *knftables.Transaction, name string, old map[string]Chain, now Chain) {
	before, there := old[name]
	if there && slices.Equal(before.Rules, now.Rules) {
		return
	}
	if there {
		tx.Flush(&knftables.Chain{Name: name})
	} else {
		tx.Add(&knftables.Chain{Name: name, Comment: comment(now.About)})
	}
	for _, r := range now.Rules {
		tx.Add(&knftables.Rule{Chain: name, Rule: r})
	}
}

func changeMap(tx *knftables.Transaction, name string, old, now map[netip.Addr]string) {
	for _, a := range addresses(old) {
		if now[a] != old[a] {
			tx.Delete(&knftables.Element{Map: name, Key: []string{a.String()}})
		}
	}
	for _, a := range addresses(now) {
		if now[a] != old[a] {
			tx.Add(&knftables.Element{Map: name, Key: []string{a.String()}, Value: []string{"jump " + now[a]}})
		}
	}
}

// without returns what of a is not in b.
func without(a, b []string) []string {
	in := map[string]bool{}
	for _, s := range b {
		in[s] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return in[s] })
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func addresses(m map[netip.Addr]string) []netip.Addr {
	return slices.SortedFunc(maps.Keys(m), netip.Addr.Compare)
}

// comment is for people who list the table; the kernel bounds its length.
func comment(s string) *string {
	const most = 120
	if len(s) > most {
		s = s[:most-3] + "..."
	}
	return &s
}
