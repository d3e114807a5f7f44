package tcp

import (
	"errors"
	"net/netip"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/proxyproto"
)

const tooFull = 256 << 10

var errIdle = errors.New("the connection was idle too long")

// A client is an accepted connection that waits for its endpoint, and then
// one half of a relay. What it sends before waits in the kernel.
type client struct {
	s     *Service
	r     *running
	c     *loop.Conn
	peer  netip.Addr
	up    *upstream
	tried []*balance.Endpoint
	timer *loop.Timer
	last  time.Duration // when a byte went by
	ended bool
}

// An upstream is the other half.
type upstream struct {
	client *client
	c      *loop.Conn
	choice
	began time.Time
	open  bool
}

// Open finds an endpoint.
func (c *client) Open(conn *loop.Conn) {
	c.c, c.last = conn, c.s.l.Now()
	c.timer = c.s.l.After(c.r.idle, c.tick)
	conn.Pause()
	c.attempt()
}

// tick ends a connection on which nothing went by for too long.
func (c *client) tick() {
	if left := c.last + c.r.idle - c.s.l.Now(); left > 0 {
		c.timer.Reset(left)
		return
	}
	c.c.Close(errIdle)
}

func (c *client) attempt() {
	ch, err := c.r.choose(c.peer, c.tried)
	if err != nil {
		c.s.failed.Add(1)
		c.c.Reset(err)
		return
	}
	if ch.origin != nil || c.r.certs != nil {
		c.leave(ch)
		return
	}
	u := &upstream{client: c, choice: ch, began: time.Now()}
	c.up = u
	timeout, version := ch.pool.Dialing()
	u.c = c.s.l.Dial(ch.ep.Address, timeout, u)
	if version > 0 {
		u.c.Write(proxyproto.Append(nil, version, c.c.Peer(), c.c.Local()))
	}
}

// Data carries bytes to the endpoint.
func (c *client) Data(_ *loop.Conn, p []byte) int { return c.carry(p, c.c, c.up.c) }

// Data carries bytes to the client.
func (u *upstream) Data(_ *loop.Conn, p []byte) int { return u.client.carry(p, u.c, u.client.c) }

func (c *client) carry(p []byte, from, to *loop.Conn) int {
	c.last = c.s.l.Now()
	to.WriteThrough(p)
	if to.Full(tooFull) {
		from.Pause()
	}
	return len(p)
}

// EOF of one side is told the other, which may still send.
func (c *client) EOF(*loop.Conn) { c.up.c.CloseWrite() }

// EOF of one side is told the other, which may still send.
func (u *upstream) EOF(*loop.Conn) { u.client.c.CloseWrite() }

// Drained lets the other side send on.
func (c *client) Drained(*loop.Conn) { c.up.c.Resume() }

// Drained lets the other side send on.
func (u *upstream) Drained(*loop.Conn) { u.client.c.Resume() }

// Drain lets the connection go on: nobody knows where it could end well.
func (c *client) Drain(*loop.Conn) {}

// Open begins to carry.
func (u *upstream) Open(*loop.Conn) {
	u.open = true
	u.client.c.Resume()
}

// Closed ends both sides.
func (c *client) Closed(_ *loop.Conn, err error) {
	c.ended = true
	c.timer.Stop()
	if c.up == nil {
		return
	}
	if err != nil {
		c.up.c.Reset(err)
		return
	}
	c.up.c.Finish()
}

// Closed ends both sides, or tries another endpoint.
func (u *upstream) Closed(_ *loop.Conn, err error) {
	c := u.client
	o := balance.Good
	if !u.open {
		o = balance.Failed
	}
	u.pool.Done(u.ep, o, time.Since(u.began), time.Now())
	switch {
	case c.ended:
	case !u.open && len(c.tried)+1 < c.r.attempts:
		c.up = nil
		c.tried = append(c.tried, u.ep)
		c.attempt()
	case !u.open:
		c.up = nil
		c.s.failed.Add(1)
		c.c.Reset(err)
	case err != nil:
		c.c.Reset(err)
	default:
		c.c.Finish()
	}
}
