package web

import (
	"math/rand/v2"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
	"nagi.dev/plane/http1"
	"nagi.dev/plane/loop"
)

// An Engine runs the http listeners of a document on one loop.
type Engine struct {
	l     *loop.Loop
	pools *balance.Pools
	base  time.Time // when the loop's clock stood at zero

	servers  map[string]*server // by the listener's name
	backends map[*balance.Endpoint]*backend

	// Scratch of the loop's thread, used again by every message.
	head   http1.Head
	out    []byte
	add    []byte
	ask    balance.Ask
	unused []*exchange
	fresh  bool // the next attempt takes no connection that served before
}

// New makes an engine without listeners. Pools are shared with whoever else
// balances over them.
func New(l *loop.Loop, pools *balance.Pools) *Engine {
	e := &Engine{
		l: l, pools: pools, base: time.Now().Add(-l.Now()),
		servers: map[string]*server{}, backends: map[*balance.Endpoint]*backend{},
	}
	e.ask.Chance = rand.Uint64
	l.After(sweepEvery, e.sweep)
	return e
}

// A Plan is a document that was read and can be applied.
type Plan struct {
	sites map[string]*site
}

// Prepare compiles the http listeners of a document that was checked. It may
// be called from any goroutine; it changes nothing that runs.
func (e *Engine) Prepare(c *config.Config) (*Plan, error) {
	p := &Plan{sites: map[string]*site{}}
	for i := range c.Listeners {
		if l := &c.Listeners[i]; l.Protocol == config.HTTP {
			s, err := newSite(l, c)
			if err != nil {
				return nil, err
			}
			p.sites[l.Name] = s
		}
	}
	return p, nil
}

// Apply makes a plan what runs, on the loop, after the pools were updated. What
// is in flight ends as it began.
func (e *Engine) Apply(p *Plan) error {
	for _, s := range p.sites {
		if err := s.join(e.pools); err != nil {
			return err
		}
	}
	for name, s := range p.sites {
		srv := e.servers[name]
		if srv == nil {
			srv = newServer(e, name)
			e.servers[name] = srv
		}
		s.inherit(srv.site.Load())
		srv.site.Store(s)
	}
	for name, srv := range e.servers {
		if p.sites[name] == nil {
			srv.close()
			delete(e.servers, name)
		}
	}
	e.forget()
	return nil
}

// Accept is who takes the connections of a listener. It is nil for a name that
// the applied document does not have.
func (e *Engine) Accept(listener string) func(*loop.Conn) loop.Handler {
	s := e.servers[listener]
	if s == nil {
		return nil
	}
	return s.accept
}

func (e *Engine) now() time.Time { return e.base.Add(e.l.Now()) }

// sweep closes upstream connections that nobody has used for a while.
func (e *Engine) sweep() {
	for _, b := range e.backends {
		b.sweep(e.l.Now())
	}
	e.l.After(sweepEvery, e.sweep)
}

// forget closes the connections to endpoints that no pool has any more.
func (e *Engine) forget() {
	live := e.pools.Endpoints()
	for ep, b := range e.backends {
		if !live[ep] {
			b.close()
			delete(e.backends, ep)
		}
	}
}
