package web

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
	"nagi.dev/plane/http1"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/proxy"
)

// A Service serves one http listener, across all documents that name it.
type Service struct {
	l    *loop.Loop
	log  *slog.Logger
	name string
	base time.Time // when the loop's clock stood at zero

	site     atomic.Pointer[site]
	pools    balance.Pools
	backends map[*balance.Endpoint]*backend
	sweeper  *loop.Timer
	far      *far
	checks   checks

	// Scratch of the loop's thread, used again by every message.
	head   http1.Head
	out    []byte
	add    []byte
	ask    balance.Ask
	unused []*exchange
	fresh  bool // the next attempt takes no connection that served before

	unmatched uint64 // requests without a route
}

// New makes the service of a listener: it is a proxy.Codec.
func New(env proxy.Env) proxy.Service {
	s := &Service{
		l: env.Loop, log: env.Log, name: env.Listener,
		base: time.Now().Add(-env.Loop.Now()), backends: map[*balance.Endpoint]*backend{},
	}
	s.ask.Chance = rand.Uint64
	s.sweeper = s.l.After(sweepEvery, s.sweep)
	s.far = newFar(s)
	s.checks = checks{pools: &s.pools, running: map[string]*running{}}
	return s
}

// Prepare compiles a document that was checked.
func (s *Service) Prepare(l *config.Listener, pools map[string]*config.Pool) (commit func(), err error) {
	used := used(l, pools)
	update, err := s.pools.Prepare(used)
	if err != nil {
		return nil, err
	}
	next, err := newSite(l, used, s.log)
	if err != nil {
		return nil, err
	}
	transports, err := s.far.transports(used)
	if err != nil {
		return nil, err
	}
	return func() {
		update()
		next.join(&s.pools)
		next.inherit(s.site.Load())
		s.site.Store(next)
		s.forget()
		s.far.changed(transports)
		s.checks.follow(used, transports)
	}, nil
}

// used are the pools that a listener names.
func used(l *config.Listener, pools map[string]*config.Pool) map[string]*config.Pool {
	all := map[string]*config.Pool{}
	add := func(name string) {
		if p := pools[name]; p != nil {
			all[name] = p
		}
	}
	for i := range l.Routes {
		r := &l.Routes[i]
		for _, a := range r.Arms {
			add(a.Pool)
		}
		if r.Tee != nil {
			add(r.Tee.Pool)
		}
		if r.Scatter != nil {
			for _, leaf := range r.Scatter.Leaves {
				add(leaf.Pool)
			}
		}
	}
	return all
}

// Accept takes one connection.
func (s *Service) Accept(*loop.Conn) loop.Handler { return &client{s: s} }

// Refusal is what a connection above the bound is told.
func (s *Service) Refusal() string {
	return "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 21\r\n\r\ntoo many connections\n"
}

// Close lets open connections end.
func (s *Service) Close() {
	s.sweeper.Stop()
	for _, b := range s.backends {
		b.close()
	}
	s.far.close()
	s.checks.follow(nil, nil)
}

func (s *Service) now() time.Time { return s.base.Add(s.l.Now()) }

// sweep closes upstream connections that nobody has used for a while.
func (s *Service) sweep() {
	for _, b := range s.backends {
		b.sweep(s.l.Now())
	}
	s.sweeper.Reset(sweepEvery)
}

// forget closes the connections to endpoints that no pool has any more.
func (s *Service) forget() {
	live := s.pools.Endpoints()
	for ep, b := range s.backends {
		if !live[ep] {
			b.close()
			delete(s.backends, ep)
		}
	}
}

// nower is who knows the time.
type nower interface{ now() time.Time }

func addrOf(c *loop.Conn) netip.Addr { return c.Peer().Addr().Unmap() }
