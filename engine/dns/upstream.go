package dns

import (
	"net/netip"
	"os"
	"slices"
	"strings"
)

// resolvers returns who is asked for names outside the cluster: never this
// server itself. An unreadable file means nobody.
func (s *Server) resolvers() []netip.AddrPort {
	if s.o.Upstream != nil {
		return others(s.o.Upstream, s.o)
	}
	text, err := os.ReadFile(s.o.ResolvConf)
	if err != nil {
		return nil
	}
	return others(parseResolvConf(string(text)), s.o)
}

// parseResolvConf returns the name servers in the order of the file, at most
// as many as CoreDNS takes (15). Lines that make no sense are passed over, as
// resolv.conf(5) has it.
func parseResolvConf(text string) []netip.AddrPort {
	var out []netip.AddrPort
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(f[1])
		if err != nil || addr.IsUnspecified() {
			continue
		}
		if ap := netip.AddrPortFrom(addr, 53); !slices.Contains(out, ap) && len(out) < 15 {
			out = append(out, ap)
		}
	}
	return out
}

// others leaves out the addresses at which this server itself answers.
func others(in []netip.AddrPort, o Options) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range in {
		if a.Addr() != o.ServiceIP && !slices.Contains(o.Listen, a) {
			out = append(out, a)
		}
	}
	return out
}
