package servicelb

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/knftables"
)

// routes has a door of every kind.
func routes() map[Door]Route {
	tcp := func(a string) Door { return Door{corev1.ProtocolTCP, netip.MustParseAddrPort(a)} }
	ends := []netip.AddrPort{netip.MustParseAddrPort("10.42.0.5:8080"), netip.MustParseAddrPort("10.42.0.6:8080")}
	return map[Door]Route{
		tcp("127.0.0.1:80"):     {Local: ends},
		tcp("[2001:db8::1]:80"): {Local: ends},
		tcp("192.0.2.7:80"):     {Local: ends},
		tcp("192.0.2.7:81"):     {Local: ends, Sticky: true},
		tcp("192.0.2.7:82"):     {Remote: ends},
		tcp("192.0.2.7:83"): {Local: ends, Sources: []netip.Prefix{
			netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
		}},
		{corev1.ProtocolUDP, netip.MustParseAddrPort("192.0.2.7:53")}: {Local: ends[:1]},
	}
}

const wantRules = `
add table ip nagi-servicelb { comment "Services of type LoadBalancer, by nagi" ; }
add chain ip nagi-servicelb door-192.0.2.7/tcp/80
add chain ip nagi-servicelb door-192.0.2.7/tcp/81
add chain ip nagi-servicelb door-192.0.2.7/tcp/83
add chain ip nagi-servicelb door-192.0.2.7/udp/53
add chain ip nagi-servicelb prerouting { type nat hook prerouting priority -110 ; }
add map ip nagi-servicelb doors { type ipv4_addr . inet_proto . inet_service : verdict ; }
add rule ip nagi-servicelb door-192.0.2.7/tcp/80 meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.42.0.5 . 8080, 1 : 10.42.0.6 . 8080 }
add rule ip nagi-servicelb door-192.0.2.7/tcp/81 meta l4proto tcp dnat to jhash ip saddr mod 2 map { 0 : 10.42.0.5 . 8080, 1 : 10.42.0.6 . 8080 }
add rule ip nagi-servicelb door-192.0.2.7/tcp/83 ip saddr != { 198.51.100.0/24, 203.0.113.0/24 } return
add rule ip nagi-servicelb door-192.0.2.7/tcp/83 meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.42.0.5 . 8080, 1 : 10.42.0.6 . 8080 }
add rule ip nagi-servicelb door-192.0.2.7/udp/53 meta l4proto udp dnat to numgen random mod 1 map { 0 : 10.42.0.5 . 8080 }
add rule ip nagi-servicelb prerouting ip saddr != { 10.42.0.0/16 } ip daddr . meta l4proto . th dport vmap @doors
add element ip nagi-servicelb doors { 192.0.2.7 . udp . 53 : goto door-192.0.2.7/udp/53 }
add element ip nagi-servicelb doors { 192.0.2.7 . tcp . 80 : goto door-192.0.2.7/tcp/80 }
add element ip nagi-servicelb doors { 192.0.2.7 . tcp . 81 : goto door-192.0.2.7/tcp/81 }
add element ip nagi-servicelb doors { 192.0.2.7 . tcp . 83 : goto door-192.0.2.7/tcp/83 }
`

func TestRulesAreThoseOfOutsideDoorsWithPodsHere(t *testing.T) {
	fake := knftables.NewFake(knftables.IPv4Family, table)
	n := &nat{nft: fake, pods: []netip.Prefix{netip.MustParsePrefix("10.42.0.0/16")}, last: "unknown"}
	for range 2 {
		if err := n.apply(t.Context(), routes()); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(strings.TrimSpace(wantRules), strings.TrimSpace(fake.Dump())); d != "" {
		t.Error(d)
	}
	if err := n.apply(t.Context(), nil); err != nil || fake.Table != nil {
		t.Errorf("rules are left: %v\n%s", err, fake.Dump())
	}
}

// The kernel is asked in a network namespace that ends with the command.
func TestKernelTakesTheRules(t *testing.T) {
	fake := knftables.NewFake(knftables.IPv4Family, table)
	n := &nat{nft: fake, pods: []netip.Prefix{netip.MustParsePrefix("10.42.0.0/16")}}
	tx := fake.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	n.add(tx, n.rules(routes()))
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(tx.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("nft: %v\n%s\n%s", err, out, tx)
	}
}
