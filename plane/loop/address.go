package loop

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// literal turns an address that names no host into what the kernel wants; nil:
// its name must be resolved.
func literal(address string) (unix.Sockaddr, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return &unix.SockaddrUnix{Name: path}, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q is no number from 0 to 65535", port)
	}
	if host == "" {
		return &unix.SockaddrInet6{Port: int(n)}, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, nil //nolint:nilnil // it is a name
	}
	return sockaddr(netip.AddrPortFrom(ip, uint16(n)))
}

func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	ip := a.Addr().Unmap()
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: ip.As4()}, nil
	}
	s := &unix.SockaddrInet6{Port: int(a.Port()), Addr: ip.As16()}
	if ip.Zone() != "" {
		i, err := net.InterfaceByName(ip.Zone())
		if err != nil {
			return nil, err
		}
		s.ZoneId = uint32(i.Index)
	}
	return s, nil
}

// resolve asks for the addresses of a name.
func resolve(ctx context.Context, address string) ([]unix.Sockaddr, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var all []unix.Sockaddr
	for _, ip := range ips {
		s, err := sockaddr(netip.AddrPortFrom(ip, uint16(n)))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func family(s unix.Sockaddr) int {
	switch s.(type) {
	case *unix.SockaddrInet4:
		return unix.AF_INET
	case *unix.SockaddrInet6:
		return unix.AF_INET6
	}
	return unix.AF_UNIX
}

func addrPort(s unix.Sockaddr) netip.AddrPort {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr).Unmap(), uint16(s.Port))
	}
	return netip.AddrPort{}
}
