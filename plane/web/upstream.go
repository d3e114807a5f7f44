package web

import (
	"slices"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/http1"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/proxyproto"
)

const (
	sweepEvery = 15 * time.Second
	maxIdle    = 55 * time.Second // below the 60 s and more that servers wait
	maxPending = 1024
	maxConns   = 1024
)

// A backend holds the connections to one endpoint.
type backend struct {
	e       *Service
	ep      *balance.Endpoint
	pool    *balance.Pool
	idle    []*upstream // the last used at the end
	total   int
	waiting []*exchange
	gone    bool // no pool has the endpoint any more
}

func (e *Service) backend(ep *balance.Endpoint, pool *balance.Pool) *backend {
	if b, ok := ep.Conns.(*backend); ok {
		return b
	}
	b := &backend{e: e, ep: ep, pool: pool}
	ep.Conns = b
	e.backends[ep] = b
	return b
}

// want gives x a connection: an idle one, a new one, or when one is free.
func (b *backend) want(x *exchange) {
	if n := len(b.idle); n > 0 && !b.e.fresh {
		u := b.idle[n-1]
		b.idle = b.idle[:n-1]
		x.attach(u)
		return
	}
	limits := b.pool.Limits()
	most, pending := limits.MaxConnections, limits.MaxPending
	if most == 0 {
		most = maxConns
	}
	if pending == 0 {
		pending = maxPending
	}
	if b.total < most {
		x.attach(b.dial(x))
		return
	}
	if len(b.waiting) >= pending {
		x.drop(balance.Neutral)
		x.fail(503, "too many requests wait for a connection")
		return
	}
	b.waiting = append(b.waiting, x)
}

func (b *backend) dial(x *exchange) *upstream {
	timeout, version := b.pool.Dialing()
	u := &upstream{b: b}
	b.total++
	u.c = b.e.l.Dial(b.ep.Address, timeout, u)
	if version > 0 {
		u.single = true // it speaks for one client
		u.c.Write(proxyproto.Append(nil, version, x.client.c.Peer(), x.client.c.Local()))
	}
	return u
}

// forget takes x from the queue.
func (b *backend) forget(x *exchange) {
	if i := slices.Index(b.waiting, x); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
}

// give hands a connection that has become free to whoever waits longest.
func (b *backend) give(u *upstream) {
	if len(b.waiting) > 0 {
		x := b.waiting[0]
		b.waiting = slices.Delete(b.waiting, 0, 1)
		x.attach(u)
		return
	}
	if b.gone {
		u.c.Close(nil)
		return
	}
	u.since = b.e.l.Now()
	b.idle = append(b.idle, u)
}

// lost takes a closed connection from the count.
func (b *backend) lost(u *upstream) {
	b.total--
	if i := slices.Index(b.idle, u); i >= 0 {
		b.idle = slices.Delete(b.idle, i, i+1)
	}
	if len(b.waiting) > 0 {
		x := b.waiting[0]
		b.waiting = slices.Delete(b.waiting, 0, 1)
		x.attach(b.dial(x))
	}
}

func (b *backend) sweep(now time.Duration) {
	for _, u := range b.idle {
		if now-u.since > maxIdle {
			u.c.Close(nil)
		}
	}
}

func (b *backend) close() {
	b.gone = true
	for _, u := range b.idle {
		u.c.Close(nil)
	}
}

// An upstream is a connection to an endpoint.
type upstream struct {
	b      *backend
	c      *loop.Conn
	x      *exchange // nil: idle
	tun    *tunnel
	since  time.Duration // it is idle
	seen   int           // bytes of an incomplete head
	left   int64         // of the answer's body: bytes, http1.Chunked or http1.UntilClose
	chunks http1.Chunks
	inBody bool
	plain  bool // the body goes on without its chunks
	close  bool // after this answer
	used   bool // it has served before
	open   bool
	single bool
}

func (u *upstream) begin() { u.seen, u.inBody, u.close, u.plain = 0, false, false, false }

// Open is told when the connection stands.
func (u *upstream) Open(*loop.Conn) { u.open = true }

// Data passes an answer on. Bytes that nobody asked for end the connection.
func (u *upstream) Data(_ *loop.Conn, p []byte) (done int) {
	if u.tun != nil {
		return u.tun.fromUpstream(p)
	}
	for {
		switch {
		case u.x == nil:
			u.c.Close(nil)
			return len(p)
		case u.inBody:
			return done + u.body(p[done:])
		}
		n, more := u.answer(p[done:])
		done += n
		if u.tun != nil {
			return done + u.tun.fromUpstream(p[done:])
		}
		if !more || done == len(p) {
			return done
		}
	}
}

// Drained lets the client send on.
func (u *upstream) Drained(*loop.Conn) {
	if u.tun != nil {
		u.tun.client.c.Resume()
	} else if u.x != nil && !u.x.sent {
		u.x.client.c.Resume()
	}
}

// EOF ends an answer that has no other end, and any other too early.
func (u *upstream) EOF(conn *loop.Conn) {
	if u.tun != nil {
		u.tun.eofUpstream()
		return
	}
	if x := u.x; x != nil && u.inBody && u.left == http1.UntilClose {
		x.client.ends = true
		u.close = true
		u.finish()
		return
	}
	conn.Close(nil)
}

// Closed is the end, in the middle of an answer or not.
func (u *upstream) Closed(_ *loop.Conn, err error) {
	x := u.x
	u.x = nil
	u.b.lost(u)
	switch {
	case u.tun != nil:
		u.tun.closedUpstream()
	case x == nil:
	case x.answered:
		c := x.client
		x.up = nil
		x.done(balance.Failed)
		x.end(x.status)
		c.c.Reset(errCut)
	default:
		x.lost(u.open, u.used, err)
	}
}
