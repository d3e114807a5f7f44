package tcp

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/certs"
	"nagi.dev/plane/check"
	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/meter"
	"nagi.dev/plane/proxy"
)

// A Service serves one tcp listener.
type Service struct {
	l     *loop.Loop
	log   *slog.Logger
	name  string
	pools balance.Pools
	now   *running // what is in force

	connections, failed, limited atomic.Uint64
}

// running is a document in force.
type running struct {
	route    config.Route
	split    *balance.Split
	arms     []*balance.Pool
	origins  []*tls.Config // by arm; nil: plain
	limits   []*balance.Limiter
	specs    []*config.RateLimit
	attempts int
	idle     time.Duration
	certs    *certs.Server
	stops    []func()
}

// New makes the service of a listener: it is a proxy.Codec.
func New(env proxy.Env) proxy.Service {
	return &Service{l: env.Loop, log: env.Log, name: env.Listener}
}

// Prepare builds what a document asks for.
func (s *Service) Prepare(l *config.Listener, pools map[string]*config.Pool) (commit func(), err error) {
	r := l.Routes[0]
	if r.Tee != nil {
		return nil, errors.New("tcp has no tee: bytes have no answer to compare")
	}
	server, err := certs.NewServer(l.TLS, s.log)
	if err != nil {
		return nil, err
	}
	used := map[string]*config.Pool{}
	next := &running{route: r, idle: l.IdleTimeout.Or(time.Hour), certs: server, attempts: 1}
	if r.Retry != nil {
		next.attempts += cmp.Or(r.Retry.Attempts, 2)
	}
	var names []string
	var weights []int
	for _, a := range r.Arms {
		p := pools[a.Pool]
		used[a.Pool] = p
		if p.Previous != nil {
			return nil, fmt.Errorf("pool %s: tcp does not reshard; leave previous out", a.Pool)
		}
		names, weights = append(names, a.Pool), append(weights, cmp.Or(a.Weight, 1))
		var origin *tls.Config
		if p.TLS != nil {
			if origin, err = certs.NewClient(p.TLS); err != nil {
				return nil, err
			}
		}
		next.origins = append(next.origins, origin)
	}
	next.split = balance.NewSplit(names, weights)
	next.limit(s.now, l.RateLimit, r.Limit)
	update, err := s.pools.Prepare(used)
	if err != nil {
		return nil, err
	}
	return func() { s.commit(next, names, used, update) }, nil
}

// limit takes over the limiters that stay what they are.
func (r *running) limit(old *running, specs ...*config.RateLimit) {
	for i, spec := range specs {
		r.specs = append(r.specs, spec)
		switch {
		case spec == nil:
			r.limits = append(r.limits, nil)
		case old != nil && old.specs[i] != nil && *old.specs[i] == *spec:
			r.limits = append(r.limits, old.limits[i])
		default:
			r.limits = append(r.limits, balance.NewLimiter(*spec))
		}
	}
}

func (s *Service) commit(next *running, names []string, used map[string]*config.Pool, update func()) {
	update()
	for _, name := range names {
		next.arms = append(next.arms, s.pools.Get(name))
	}
	s.stop()
	for name, p := range used {
		if p.Health.Active == nil {
			continue
		}
		t := check.Target{Spec: *p.Health.Active}
		t.Spec.Path = ""
		for _, e := range p.Endpoints {
			t.Addresses = append(t.Addresses, e.Address)
		}
		next.stops = append(next.stops, check.Start(t, s.pools.Get(name).Check))
	}
	s.now = next
}

func (s *Service) stop() {
	if s.now == nil {
		return
	}
	for _, f := range s.now.stops {
		f()
	}
	s.now.stops = nil
}

// Accept takes one connection, or none above a rate.
func (s *Service) Accept(c *loop.Conn) loop.Handler {
	r := s.now
	peer := c.Peer().Addr().Unmap()
	for i, l := range r.limits {
		if l == nil {
			continue
		}
		var key []byte
		if r.specs[i].By == "address" {
			key = addressKey(peer)
		}
		if ok, _ := l.Allow(key, time.Now()); !ok {
			s.limited.Add(1)
			return nil
		}
	}
	s.connections.Add(1)
	return &client{s: s, r: r, peer: peer}
}

func addressKey(a netip.Addr) []byte {
	if a.Is4() {
		b := a.As4()
		return b[:]
	}
	b := a.As16()
	return b[:8]
}

// Close lets connections go on.
func (s *Service) Close() { s.stop() }

// Collect adds the figures.
func (s *Service) Collect(g *meter.Gather) {
	g.Counter("nagi_plane_tcp_connections_total", "Connections that were taken.", float64(s.connections.Load()), "listener", s.name)
	g.Counter("nagi_plane_tcp_failed_total", "Connections without an endpoint.", float64(s.failed.Load()), "listener", s.name)
	g.Counter("nagi_plane_tcp_limited_total", "Connections above a rate limit.", float64(s.limited.Load()), "listener", s.name)
	s.pools.Each(func(p *balance.Pool) {
		all, _ := p.Stats(time.Now())
		for _, e := range all {
			labels := []string{"listener", s.name, "pool", p.Name(), "endpoint", e.Name}
			g.Gauge("nagi_plane_tcp_active", "Connections to the endpoint.", float64(e.Active), labels...)
			g.Counter("nagi_plane_tcp_endpoint_failures_total", "Connections that the endpoint failed.", float64(e.Failures), labels...)
		}
	})
}

// A choice is an endpoint for a client.
type choice struct {
	pool   *balance.Pool
	ep     *balance.Endpoint
	origin *tls.Config
}

// choose picks the endpoint of a client's next attempt.
func (r *running) choose(peer netip.Addr, tried []*balance.Endpoint) (choice, error) {
	v := rand.Uint64()
	var home balance.Sticky
	if r.route.Sticky != nil && r.route.Sticky.By == "address" {
		v = balance.Hash(addressKey(peer))
		home.Value = v
	}
	arm := r.split.Arm(v)
	p := r.arms[arm]
	ep, err := p.Pick(balance.Ask{Now: time.Now(), Chance: rand.Uint64, Key: addressKey(peer), Sticky: home, Tried: tried})
	if err != nil {
		return choice{}, fmt.Errorf("choose endpoint: %w", err)
	}
	return choice{p, ep, r.origins[arm]}, nil
}
