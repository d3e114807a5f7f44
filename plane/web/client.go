package web

import (
	"errors"
	"net/netip"
	"time"

	"nagi.dev/plane/http1"
	"nagi.dev/plane/loop"
)

const (
	bodyIdle = 60 * time.Second // a client that stops in the middle of a body
	tooFull  = 256 << 10        // waiting for a peer: stop reading for it
)

var (
	errIdle = errors.New("the client was idle too long")
	errGone = errors.New("the client went away")
)

// A client is an accepted connection. It is small: what a request needs stands
// in its exchange.
//
//	idle → head → exchange → idle … → end
//	               └→ far: the connection leaves the loop
type client struct {
	s    *Service
	c    *loop.Conn
	x    *exchange // nil: no request is in flight
	tun  *tunnel   // the protocol has changed
	br   *bridge   // goroutines answer
	peer netip.Addr
	text []byte // peer, as it is written

	timer *loop.Timer
	armed time.Duration // when the timer fires
	due   time.Duration // when what the client must do is due
	seen  int           // bytes of an incomplete head
	ends  bool          // no request after this one
}

// Open begins. A connection that the loop does not serve leaves it at once.
func (c *client) Open(conn *loop.Conn) {
	c.c = conn
	site := c.s.site.Load()
	c.due = c.s.l.Now() + site.idleTimeout
	c.armed = c.due
	c.timer = c.s.l.After(site.idleTimeout, c.tick)
	if c.peer = addrOf(conn); !c.peer.IsValid() { // a Unix socket
		c.peer = netip.IPv4Unspecified()
	}
	c.text = c.peer.AppendTo(make([]byte, 0, 16))
	if site.spec.TLS != nil {
		c.leave()
	}
}

// Data serves what came. What belongs to a later request is kept.
func (c *client) Data(_ *loop.Conn, p []byte) (done int) {
	if c.tun != nil {
		return c.tun.fromClient(p)
	}
	for c.x == nil && c.br == nil && len(p) > 0 { // what was answered at once may stand before another
		n := c.request(p)
		if done, p = done+n, p[n:]; n == 0 || c.c.Paused() && c.br == nil && c.x == nil {
			return done
		}
	}
	if c.x != nil {
		done += c.x.body(p)
	}
	if c.br != nil && len(p) > 0 {
		c.c.Pause() // the next request waits for this one's end
	}
	return done
}

// request reads a head and begins its exchange. It returns 0 when there is
// nothing to begin yet.
func (c *client) request(p []byte) int {
	if c.seen > 0 && len(p) <= http1.MaxHead && !http1.Ends(p, c.seen) {
		c.seen = len(p)
		return 0
	}
	h := &c.s.head
	switch fault := h.Request(p); fault {
	case nil:
	case http1.ErrIncomplete:
		if c.seen == 0 {
			c.within(c.s.site.Load().headerTimeout)
		}
		c.seen = len(p)
		return 0
	case http1.ErrPreface:
		c.leave()
		return 0
	default:
		c.refuse(fault.Status, fault.Reason)
		return len(p)
	}
	c.seen = 0
	return c.begin(p, h)
}

// within says that the client must act in d; the timer looks then.
func (c *client) within(d time.Duration) {
	c.due = c.s.l.Now() + d
	if c.armed == 0 || c.due < c.armed {
		c.timer.Reset(d)
		c.armed = c.due
	}
}

// tick looks at what is due and waits for the next. Requests only move c.due,
// so that a timer costs each of them nothing.
func (c *client) tick() {
	now := c.s.l.Now()
	c.armed = 0
	if c.due > now {
		c.timer.Reset(c.due - now)
		c.armed = c.due
		return
	}
	switch {
	case c.tun != nil:
		c.c.Close(errIdle)
	case c.x != nil:
		c.x.late()
	case c.br != nil:
		c.c.Close(errIdle)
	case c.seen > 0:
		c.refuse(408, "the head of the request did not come in time")
	default:
		c.c.Finish()
	}
}

// leave takes the connection from the loop; goroutines serve it from here on.
func (c *client) leave() {
	c.c.Pause()
	c.s.l.Post(func() {
		if c.c.Closed() {
			return
		}
		if c.c.Pending() > 0 { // answers to requests before
			c.s.l.After(10*time.Millisecond, c.leave)
			return
		}
		nc, err := c.c.Detach()
		if err != nil {
			c.c.Close(err)
			return
		}
		c.timer.Stop()
		c.s.far.take(nc, c.peer)
	})
}

// refuse answers a request that is not understood, and ends the connection:
// nobody knows where the next one begins.
func (c *client) refuse(status int, reason string) {
	c.ends = true
	c.answer(status, reason)
	c.c.Finish()
}

// EOF is the end of what the client sends. An answer that is on its way still
// reaches it.
func (c *client) EOF(conn *loop.Conn) {
	switch {
	case c.tun != nil:
		c.tun.eofClient()
	case c.br != nil:
		c.br.after = true
	case c.x == nil:
		conn.Finish()
	case !c.x.sent:
		conn.Close(errGone)
	default:
		c.ends = true
	}
}

// Drained lets the endpoint go on.
func (c *client) Drained(*loop.Conn) {
	if c.tun != nil {
		c.tun.up.c.Resume()
	} else if c.br != nil {
		c.br.drained()
	} else if c.x == nil {
		c.c.Resume()
	} else if c.x != nil && c.x.up != nil {
		c.x.up.c.Resume()
	}
}

// Drain ends after the request in flight.
func (c *client) Drain(conn *loop.Conn) {
	c.ends = true
	if c.x == nil && c.tun == nil && c.br == nil {
		conn.Finish()
	}
}

// Closed is the end.
func (c *client) Closed(_ *loop.Conn, _ error) {
	c.timer.Stop()
	if c.tun != nil {
		c.tun.closedClient()
	}
	if b := c.br; b != nil {
		c.br = nil
		b.cancel()
	}
	if x := c.x; x != nil {
		c.x = nil
		x.abandon()
	}
}
