package proxy

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/meter"
)

// A listener is one that runs.
type listener struct {
	config  *config.Listener
	service Service
	socket  *loop.Listener
	refused uint64 // connections above MaxConnections
}

// Apply puts c in force, whole or not at all: with an error, what ran before
// still runs. Sockets live on by address, services by name and protocol. Any
// goroutine may call it while Run runs. c must have been checked and belongs to
// the proxy from now on.
func (p *Proxy) Apply(c *config.Config) (err error) {
	if !p.loop.Do(func() { err = p.apply(c) }) {
		return loop.ErrStopped
	}
	return err
}

func (p *Proxy) apply(c *config.Config) error {
	if p.draining {
		return loop.ErrStopped
	}
	x := change{p: p, sockets: map[string]*loop.Listener{}, next: map[string]*listener{}}
	for _, l := range p.listeners {
		x.sockets[l.config.Address] = l.socket
	}
	pools := map[string]*config.Pool{}
	for i := range c.Pools {
		pools[c.Pools[i].Name] = &c.Pools[i]
	}
	for i := range c.Listeners {
		x.listener(&c.Listeners[i], pools)
	}
	if p.refused = errors.Join(x.errs...); p.refused != nil {
		x.undo()
		return p.refused
	}
	x.commit()
	p.running, p.since = c, time.Now()
	p.o.Log.Info("configuration in force", "version", c.Version, "listeners", len(c.Listeners), "pools", len(c.Pools))
	return nil
}

// A change is a document on its way into force.
type change struct {
	p       *Proxy
	sockets map[string]*loop.Listener // by address
	next    map[string]*listener
	commits []func()
	errs    []error
	opened  []*loop.Listener
	made    []Service
}

func (x *change) fault(l *config.Listener, err error) {
	x.errs = append(x.errs, fmt.Errorf("listener %s: %w", l.Name, err))
}

func (x *change) listener(c *config.Listener, pools map[string]*config.Pool) {
	l := &listener{config: c}
	if old := x.p.listeners[c.Name]; old != nil && old.config.Protocol == c.Protocol {
		l.service, l.refused = old.service, old.refused
	} else if l.service = x.make(c); l.service == nil {
		return
	}
	commit, err := l.service.Prepare(c, pools)
	if err != nil {
		x.fault(c, err)
		return
	}
	if l.socket = x.sockets[c.Address]; l.socket == nil {
		if l.socket, err = x.p.loop.Listen(c.Address, nothing); err != nil {
			x.fault(c, err)
			return
		}
		x.opened = append(x.opened, l.socket)
	}
	if err := l.chmod(); err != nil {
		x.fault(c, err)
		return
	}
	x.commits = append(x.commits, commit)
	x.next[c.Name] = l
}

// chmod sets the mode of a socket in a folder; the document was checked.
func (l *listener) chmod() error {
	if l.config.SocketMode == "" {
		return nil
	}
	mode, err := strconv.ParseUint(l.config.SocketMode, 8, 32)
	if err != nil {
		return err
	}
	return l.socket.Chmod(os.FileMode(mode))
}

// nothing refuses connections until a document is in force.
func nothing(*loop.Conn) loop.Handler { return nil }

func (x *change) make(c *config.Listener) Service {
	codec := x.p.o.Codecs[c.Protocol]
	if codec == nil {
		x.fault(c, fmt.Errorf("this plane does not speak %s", c.Protocol))
		return nil
	}
	s := codec(Env{Loop: x.p.loop, Log: x.p.o.Log.With("listener", c.Name), Listener: c.Name})
	x.made = append(x.made, s)
	return s
}

func (x *change) undo() {
	for _, n := range x.opened {
		n.Close()
	}
	for _, s := range x.made {
		s.Close()
	}
}

func (x *change) commit() {
	for _, f := range x.commits {
		f()
	}
	used := map[*loop.Listener]bool{}
	for _, l := range x.next {
		l.socket.SetAccept(l.accept)
		used[l.socket] = true
	}
	for name, old := range x.p.listeners {
		if !used[old.socket] {
			old.socket.Close()
		}
		if next := x.next[name]; next == nil || next.service != old.service {
			old.service.Close()
		}
	}
	x.p.listeners = x.next
}

func (l *listener) accept(c *loop.Conn) loop.Handler {
	if most := l.config.MaxConnections; most > 0 && l.socket.Conns() >= most {
		l.refused++
		return l.refusal()
	}
	if l.config.ProxyProtocol {
		return &prelude{next: l.service.Accept}
	}
	return l.service.Accept(c)
}

// refusal tells a client why it is sent away, where its protocol can.
func (l *listener) refusal() loop.Handler {
	if r, ok := l.service.(refuser); ok {
		return goodbye(r.Refusal())
	}
	return nil
}

func (l *listener) collect(g *meter.Gather) {
	g.Gauge("nagi_plane_connections", "Connections that are open.", float64(l.socket.Conns()), "listener", l.config.Name)
	g.Counter("nagi_plane_connections_total", "Connections that were accepted.", float64(l.socket.Accepted()), "listener", l.config.Name)
	g.Counter("nagi_plane_connections_refused_total", "Connections above the listener's bound.", float64(l.refused), "listener", l.config.Name)
	l.service.Collect(g)
}
