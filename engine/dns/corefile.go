package dns

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// corefile is the configuration of CoreDNS. Names of the cluster come from
// memory and are not cached again; other names are.
//
// A resolver that failed twice is asked no more until it answers a health
// check; with none left, clients hear SERVFAIL at once instead of waiting.
func corefile(o Options, resolvers []netip.AddrPort) string {
	own := o.Domain + " in-addr.arpa ip6.arpa"
	var b strings.Builder
	fmt.Fprintf(&b, ".:%d {\n", o.Listen[0].Port())
	fmt.Fprintf(&b, "\tbind %s\n", strings.Join(hosts(o.Listen), " "))
	b.WriteString("\terrors {\n\t\tconsolidate 1m \".*\" warning\n\t}\n")
	fmt.Fprintf(&b, "\tcache 30 {\n\t\tdisable success %s\n\t\tdisable denial %s\n\t}\n", own, own)
	b.WriteString("\tloadbalance\n")
	fmt.Fprintf(&b, "\t%s %s {\n\t\tkubeconfig %s\n\t\tpods insecure\n\t\tttl 5\n", directive, own, strconv.Quote(o.Kubeconfig))
	if len(resolvers) > 0 {
		b.WriteString("\t\tfallthrough in-addr.arpa ip6.arpa\n")
	}
	b.WriteString("\t}\n")
	if len(resolvers) > 0 {
		fmt.Fprintf(&b, "\tforward . %s {\n\t\tprefer_udp\n\t\tpolicy sequential\n"+
			"\t\tmax_concurrent 1000\n\t\tfailfast_all_unhealthy_upstreams\n\t}\n", join(resolvers))
	}
	b.WriteString("}\n")
	return b.String()
}

func hosts(listen []netip.AddrPort) []string {
	var out []string
	for _, a := range listen {
		out = append(out, a.Addr().String())
	}
	return out
}

func join(addrs []netip.AddrPort) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, " ")
}
