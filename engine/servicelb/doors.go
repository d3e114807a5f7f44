package servicelb

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// limits bounds what one door may hold.
type limits struct {
	conns    int           // TCP connections; more wait in the kernel's queue
	sessions int           // UDP clients; datagrams of more are dropped
	idle     time.Duration // a UDP client is forgotten after this long
	dial     time.Duration // one try to reach an endpoint
}

var usual = limits{conns: 4096, sessions: 1024, idle: time.Minute, dial: 3 * time.Second}

// doors are the sockets on this machine's addresses and the relays behind
// them. Their methods are called by one goroutine.
type doors struct {
	log    *slog.Logger
	limits limits
	ctx    context.Context // ends with close: no connection outlives it
	cancel context.CancelFunc
	relays sync.WaitGroup
	open   map[Door]*door
}

// A door is one socket. Its route may change while it is open.
type door struct {
	target *target
	shut   func() error
}

func newDoors(log *slog.Logger, l limits) *doors {
	ctx, cancel := context.WithCancel(context.Background())
	return &doors{log: log, limits: l, ctx: ctx, cancel: cancel, open: map[Door]*door{}}
}

// set opens, changes and shuts doors until they are those of routes. It
// returns why some could not be opened. Connections through a door that is
// shut go on until either side ends them.
func (d *doors) set(routes map[Door]Route) (taken map[Door]error) {
	taken = map[Door]error{}
	for at, open := range d.open {
		if _, wanted := routes[at]; !wanted {
			d.warn("shut door", at, open.shut())
			delete(d.open, at)
		}
	}
	for at, r := range routes {
		if open := d.open[at]; open != nil {
			open.target.route.Store(&r)
			continue
		}
		open, err := d.listen(at, &r)
		if err != nil {
			taken[at] = err
			continue
		}
		d.open[at] = open
	}
	return taken
}

func (d *doors) listen(at Door, r *Route) (*door, error) {
	t := &target{seed: maphash.MakeSeed()}
	t.route.Store(r)
	if at.Protocol == corev1.ProtocolUDP {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at.Addr))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", at, err)
		}
		d.relays.Go(func() { newUDPRelay(d, c, t).serve() })
		return &door{t, c.Close}, nil
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at.Addr))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", at, err)
	}
	d.relays.Go(func() { d.serveTCP(l, t) })
	return &door{t, l.Close}, nil
}

// close shuts every door, ends every connection and waits for the relays.
func (d *doors) close() {
	d.set(nil)
	d.cancel()
	d.relays.Wait()
}

func (d *doors) warn(doing string, at Door, err error) {
	if err != nil {
		d.log.Warn(doing, "door", at.String(), "err", err)
	}
}

// A target picks endpoints. It is safe for concurrent use.
type target struct {
	route atomic.Pointer[Route]
	turn  atomic.Uint64
	seed  maphash.Seed
}

// order returns the endpoints for a client, the best first: those of this
// node before others, each in turn, or always in the same order for a sticky
// client. It returns none for a client that may not connect.
func (t *target) order(client netip.Addr) []netip.AddrPort {
	r := t.route.Load()
	if !allowed(r.Sources, client.Unmap()) {
		return nil
	}
	first := t.turn.Add(1)
	if r.Sticky {
		first = maphash.Comparable(t.seed, client)
	}
	return slices.Concat(rotated(r.Local, first), rotated(r.Remote, first))
}

// has reports whether an endpoint is still one.
func (t *target) has(a netip.AddrPort) bool {
	r := t.route.Load()
	return slices.Contains(r.Local, a) || slices.Contains(r.Remote, a)
}

// allowed reports whether the client is in the ranges. This machine itself
// always is.
func allowed(sources []netip.Prefix, client netip.Addr) bool {
	return len(sources) == 0 || client.IsLoopback() ||
		slices.ContainsFunc(sources, func(p netip.Prefix) bool { return p.Contains(client) })
}

func rotated(in []netip.AddrPort, by uint64) []netip.AddrPort {
	if len(in) == 0 {
		return nil
	}
	i := int(by % uint64(len(in)))
	return slices.Concat(in[i:], in[:i])
}
