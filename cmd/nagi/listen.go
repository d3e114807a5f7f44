package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"nagi.dev/engine/config"
)

// addresses reads what --listen names. 0.0.0.0 means every IPv4 address that
// the machine has now: ports are published address by address, so that the
// pods' own are left alone.
func addresses(names []string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, name := range names {
		a, err := netip.ParseAddr(name)
		if err != nil {
			return nil, fmt.Errorf("--listen %s: want an address of this machine, such as 192.0.2.10 or 0.0.0.0", name)
		}
		if !a.IsUnspecified() {
			out = append(out, a)
			continue
		}
		own, err := machine()
		if err != nil {
			return nil, err
		}
		out = append(out, own...)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out), nil
}

// machine lists the addresses by which others may reach this machine.
func machine() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of this machine: %w", err)
	}
	var out []netip.Addr
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() && !config.PodNet.Contains(p.Addr()) {
			out = append(out, p.Addr())
		}
	}
	return out, nil
}
