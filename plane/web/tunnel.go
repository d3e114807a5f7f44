package web

import (
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/loop"
)

// A tunnel carries bytes both ways after the protocol has changed.
type tunnel struct {
	client *client
	up     *upstream
	pool   *balance.Pool
	ep     *balance.Endpoint
	began  time.Duration
	over   bool
}

// tunnel turns the exchange into one.
func (x *exchange) tunnel() {
	c, u := x.client, x.up
	t := &tunnel{client: c, up: u, pool: x.route.arms[x.arm].pool, ep: x.ep, began: x.picked}
	c.tun, u.tun = t, t
	x.up, u.x, x.ep = nil, nil, nil
	x.end(101)
	c.within(c.s.site.Load().idleTimeout)
	c.c.Resume()
}

func (t *tunnel) fromClient(p []byte) int   { return t.carry(p, t.client.c, t.up.c) }
func (t *tunnel) fromUpstream(p []byte) int { return t.carry(p, t.up.c, t.client.c) }

func (t *tunnel) carry(p []byte, from, to *loop.Conn) int {
	t.client.within(t.client.s.site.Load().idleTimeout)
	to.WriteThrough(p)
	if to.Full(tooFull) {
		from.Pause()
	}
	return len(p)
}

func (t *tunnel) eofClient()   { t.up.c.CloseWrite() }
func (t *tunnel) eofUpstream() { t.client.c.CloseWrite() }

func (t *tunnel) closedClient() {
	t.end()
	t.up.c.Finish()
}

func (t *tunnel) closedUpstream() {
	t.end()
	t.client.c.Finish()
}

func (t *tunnel) end() {
	if !t.over {
		t.over = true
		t.pool.Done(t.ep, balance.Good, t.client.s.l.Now()-t.began, t.client.s.now())
	}
}
