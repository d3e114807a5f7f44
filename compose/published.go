package compose

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// A listener is one published port of a service.
type listener struct {
	service  string
	address  string // "": all
	port     int
	protocol string
}

// checkPublished asks that no port of the host is published twice.
func (p *Project) checkPublished() *Error {
	taken := map[string][]listener{} // by protocol and port
	for _, name := range p.ServiceNames() {
		for _, port := range p.Services[name].Ports {
			for _, l := range listeners(name, port) {
				key := l.protocol + strconv.Itoa(l.port)
				for _, other := range taken[key] {
					if l.meets(other) {
						return p.collision(l, other)
					}
				}
				taken[key] = append(taken[key], l)
			}
		}
	}
	return nil
}

// listeners expands a range of published ports; none when Kubernetes may choose.
func listeners(service string, port types.ServicePortConfig) []listener {
	from, to, isRange := strings.Cut(port.Published, "-")
	first, err := strconv.Atoi(from)
	if err != nil || first == 0 {
		return nil
	}
	last := first
	if n, err := strconv.Atoi(to); isRange && err == nil {
		last = min(n, first+maxPortRange)
	}
	var all []listener
	for n := first; n <= last; n++ {
		all = append(all, listener{service, wildcard(port.HostIP), n, cmp.Or(port.Protocol, "tcp")})
	}
	return all
}

// wildcard writes "all addresses" in one way.
func wildcard(address string) string {
	if a, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil && a.IsUnspecified() {
		return ""
	}
	return address
}

func (l listener) meets(o listener) bool {
	return l.address == o.address || l.address == "" || o.address == ""
}

func (p *Project) collision(l, other listener) *Error {
	at, f, line := p.wherePublished(l)
	_, otherFile, otherLine := p.wherePublished(other)
	return &Error{File: f, Line: line, Path: at.String(), Msg: fmt.Sprintf(
		"port %d is already published by services.%s (%s:%d); choose another", l.port, other.service, otherFile, otherLine)}
}

// wherePublished finds the entry that publishes l: merging may have split
// ranges, so that numbers in the project are not those in the file.
func (p *Project) wherePublished(l listener) (at path, file string, line int) {
	at = path{"services", l.service, "ports"}
	for i := range len(p.Services[l.service].Ports) {
		entry := at.with(strconv.Itoa(i))
		n, line := p.Source.find(entry)
		if n == nil || n.kind == list {
			break
		}
		if n.publishes(l.port) {
			return entry, n.file.name, line
		}
	}
	file, line = p.Source.At(at...)
	return at, file, line
}

// publishes says whether an entry of ports, in either form, has that port.
func (n *node) publishes(port int) bool {
	if n.kind == mapping {
		return n.get("published").str() == strconv.Itoa(port)
	}
	configs, err := types.ParsePortConfig(n.str())
	if err != nil {
		return false
	}
	for _, c := range configs {
		if c.Published == strconv.Itoa(port) {
			return true
		}
	}
	return false
}
