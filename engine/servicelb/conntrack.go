package servicelb

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
)

// stale matches what the kernel remembers of UDP clients whose endpoint is
// gone. UDP has no end: as long as a client sends, the kernel would send its
// datagrams there.
type stale map[Door]Route

// forget makes the kernel forget such clients. Their next datagram finds the
// rules of today.
func (s stale) forget() error {
	if len(s) == 0 {
		return nil
	}
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, syscall.AF_INET, s); err != nil {
		return fmt.Errorf("forget UDP clients of endpoints that are gone: %w", err)
	}
	return nil
}

// MatchConntrackFlow is for netlink.
func (s stale) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	if f.Forward.Protocol != syscall.IPPROTO_UDP || f.Forward.DstIP.Equal(f.Reverse.SrcIP) {
		return false // to this machine itself: the relay's
	}
	r, ours := s[Door{corev1.ProtocolUDP, addrPort(f.Forward.DstIP, f.Forward.DstPort)}]
	return ours && !slices.Contains(r.Local, addrPort(f.Reverse.SrcIP, f.Reverse.SrcPort))
}

func addrPort(ip net.IP, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}

// udpDoors returns those of routes that the kernel may have sent clients
// through.
func udpDoors(routes map[Door]Route) stale {
	out := stale{}
	for d, r := range routes {
		if d.Protocol == corev1.ProtocolUDP && !d.Addr.Addr().IsLoopback() {
			out[d] = r
		}
	}
	return out
}
