package web

import (
	"strconv"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/http1"
)

// maxReplay bounds what of a request's body is kept for another try.
const maxReplay = 64 << 10

// An exchange is a request on its way, and its answer back.
//
//	begin → attempt → (waiting →) sending → answer's head → body → finish
//	           ↑_______ retry _______|
type exchange struct {
	client *client
	site   *site
	route  *route
	arm    int
	home   balance.Sticky
	known  bool // the client's cookie holds
	key    []byte

	up      *upstream         // whom it is sent to; nil: nobody yet
	ep      *balance.Endpoint // picked, and counted there
	back    *backend
	tried   []*balance.Endpoint
	retries int

	head    []byte // as it goes on
	kept    []byte // of the body, as it came, for another try
	whole   bool   // kept is all that came of the body
	left    int64  // of the body by length
	chunks  http1.Chunks
	chunked bool
	payload int64 // of a chunked body so far
	sent    bool  // the request has ended

	toHead   bool // it is a HEAD
	read     bool // a copy of the endpoint may answer
	safe     bool // it may be sent twice
	old      bool // by HTTP/1.0
	alive    bool // which asks for the connection to live on
	upgrade  bool
	answered bool // a part of the answer is on its way
	status   int
	began    time.Duration
	picked   time.Duration // the endpoint of this attempt
}

func (e *Service) newExchange() *exchange {
	if n := len(e.unused); n > 0 {
		x := e.unused[n-1]
		e.unused = e.unused[:n-1]
		return x
	}
	return new(exchange)
}

// free keeps an exchange and its buffers for the next request.
func (e *Service) free(x *exchange) {
	if len(e.unused) >= 256 || cap(x.kept)+cap(x.head) > 16<<10 {
		return
	}
	*x = exchange{head: x.head[:0], kept: x.kept[:0], tried: x.tried[:0], key: x.key[:0]}
	e.unused = append(e.unused, x)
}

// begin routes a request and makes its first attempt. It returns the size of
// its head, or 0 when the connection leaves the loop.
func (c *client) begin(p []byte, h *http1.Head) int {
	e, site := c.s, c.s.site.Load()
	m := message{head: h, buf: p, peer: c.peer}
	r := site.match(&m)
	if h.Close {
		c.ends = true
	}
	if r != nil && r.far {
		return c.beyond(p, h, &m, site, r)
	}
	if status, reason, wait := admit(site, r, &m, h.Length, e); status != 0 {
		if h.Length != 0 {
			c.ends = true // the body that follows is not read
		}
		if r == nil {
			e.unmatched++
		}
		c.answerAfter(status, reason, r, wait, string(h.Method) == "HEAD")
		if c.ends {
			c.c.Finish()
			return len(p)
		}
		return h.Size
	}
	x := e.newExchange()
	c.x = x
	x.client, x.site, x.route, x.began = c, site, r, e.l.Now()
	x.arm, x.home, x.known = r.place(&m, site.spec.TrustedHops, e.ask.Chance)
	if r.arms[x.arm].pool.Keyed() {
		x.key = append(x.key[:0], r.key.of(&m, site.spec.TrustedHops)...)
	}
	x.take(h, p)
	if r.retry != nil {
		r.retry.budget.Request()
	}
	x.wait()
	x.attempt()
	return h.Size
}

// beyond serves a route that the loop does not: from the store if it can, else
// by goroutines. Its connection stays, unless the request has a body.
func (c *client) beyond(p []byte, h *http1.Head, m *message, site *site, r *route) int {
	if !bridgeable(h) {
		c.leave()
		return 0
	}
	if h.Minor == 1 && c.hit(h, m, site, r) {
		return h.Size
	}
	c.across(p, h)
	if c.br == nil {
		return len(p) // it was refused
	}
	return h.Size
}

// admit asks the limits of a request. A status of 0 lets it pass.
func admit(s *site, r *route, m *message, length int64, e nower) (status int, reason string, wait int) {
	if r == nil {
		return 404, "no route matches", 0
	}
	for _, l := range []*limit{s.limit, r.limit} {
		if ok, wait := l.allow(m, s.spec.TrustedHops, e); !ok {
			return 429, "too many requests", wait
		}
	}
	if bound := r.spec.MaxBodySize; bound > 0 && length > bound {
		return 413, "the body is larger than " + strconv.FormatInt(bound, 10) + " bytes", 0
	}
	return 0, "", 0
}

// take copies what the exchange needs of a head.
func (x *exchange) take(h *http1.Head, p []byte) {
	c, e := x.client, x.client.s
	e.add = appendTrace(append(e.add[:0], x.route.request.add...), h)
	edit := http1.Edit{Drop: x.route.request.drop, Add: e.add}
	who := http1.Client{Address: c.text, Proto: httpText, Trusted: x.site.spec.TrustedHops > 0}
	x.head = h.AppendRequest(x.head[:0], p, &who, &edit)
	x.left, x.chunked = h.Length, h.Length == http1.Chunked
	x.sent = h.Length == 0
	x.whole = true
	x.toHead = string(h.Method) == "HEAD"
	x.read = x.toHead || string(h.Method) == "GET"
	x.safe = idempotent(h.Method) || x.route.retry != nil && x.route.retry.spec.Unsafe
	x.old, x.alive, x.upgrade = h.Minor == 0, h.KeepAlive && !h.Close, h.Upgrade
}

var httpText = []byte("http")

// reads reports a method that changes nothing, which copies may answer.
func reads(method string) bool { return method == "GET" || method == "HEAD" }

func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}

// wait sets when the next thing is due: more of the body, or the answer.
func (x *exchange) wait() {
	switch {
	case !x.sent:
		x.client.within(bodyIdle)
	case x.route.arms[x.arm].timeout > 0 && !x.answered:
		x.client.within(x.route.arms[x.arm].timeout)
	default:
		x.client.within(x.site.idleTimeout)
	}
}

// body takes in what came of the request's body.
func (x *exchange) body(p []byte) (done int) {
	if x.sent {
		if len(p) > 0 {
			x.client.c.Pause() // the next request waits for this one's end
		}
		return 0
	}
	for done < len(p) && !x.sent {
		n, payload, fault := x.piece(p[done:])
		x.payload += int64(payload)
		if bound := x.route.spec.MaxBodySize; fault == nil && bound > 0 && x.payload > bound {
			fault = &http1.Fault{Status: 413, Reason: "the body is larger than " + strconv.FormatInt(bound, 10) + " bytes"}
		}
		if fault != nil {
			x.spoiled(fault)
			return len(p)
		}
		done += n
	}
	x.forward(p[:done])
	x.wait()
	if x.sent && done < len(p) {
		x.client.c.Pause()
	}
	return done
}

// piece finds how far the body goes in p.
func (x *exchange) piece(p []byte) (n, payload int, fault *http1.Fault) {
	if x.chunked {
		n, data, fault := x.chunks.Next(p)
		x.sent = x.chunks.Done()
		return n, len(data), fault
	}
	n = int(min(int64(len(p)), x.left))
	x.left -= int64(n)
	x.sent = x.left == 0
	return n, n, nil
}

// forward sends a piece of the body on, and keeps it while another try may
// need it.
func (x *exchange) forward(p []byte) {
	attached := x.up != nil
	if x.whole && (len(x.kept)+len(p) <= maxReplay || !attached) {
		x.kept = append(x.kept, p...)
	} else {
		x.whole = false
	}
	if !attached {
		if len(x.kept) > maxReplay {
			x.client.c.Pause() // until a connection is free
		}
		return
	}
	x.up.c.Write(p)
	if x.up.c.Full(tooFull) {
		x.client.c.Pause()
	}
}

// spoiled ends an exchange whose request turned out to be malformed or too
// large after it had begun.
func (x *exchange) spoiled(fault *http1.Fault) {
	c := x.client
	c.ends = true
	x.drop(balance.Neutral)
	if x.answered {
		x.end(fault.Status)
		c.c.Reset(fault)
		return
	}
	x.fail(fault.Status, fault.Reason)
}

// late is called when what wait said did not come.
func (x *exchange) late() {
	switch {
	case x.answered:
		x.drop(balance.Failed)
		x.client.c.Reset(errIdle)
	case !x.sent:
		x.drop(balance.Neutral)
		x.client.ends = true
		x.fail(408, "the body of the request did not come in time")
	default:
		x.drop(balance.Failed)
		if r := x.route.retry; r != nil && r.timeout && x.may(true) {
			x.again()
			return
		}
		x.fail(504, "the endpoint did not answer in time")
	}
}

// fail answers for the endpoint and ends the exchange.
func (x *exchange) fail(status int, reason string) {
	c := x.client
	if !x.sent {
		c.ends = true
	}
	c.answerAfter(status, reason, x.route, 0, x.toHead)
	x.end(status)
	c.next()
}

// end counts the request and lets go of the exchange.
func (x *exchange) end(status int) {
	c, e := x.client, x.client.s
	x.route.stats.count(status, e.l.Now()-x.began)
	if c.x == x {
		c.x = nil
	}
	e.free(x)
}

// next makes the connection ready for the next request, or ends it.
func (c *client) next() {
	if c.ends {
		c.c.Finish()
		return
	}
	c.within(c.s.site.Load().idleTimeout)
	c.c.Resume()
}

// abandon is called when the client is gone.
func (x *exchange) abandon() {
	x.drop(balance.Neutral)
	x.end(499)
}
