package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/http1"
)

// errCut is why a client's connection breaks in the middle of an answer.
var errCut = errors.New("the endpoint ended in the middle of its answer")

// answer reads the head of an answer and passes it on. It returns the size of
// the head, 0 while it is not complete, and whether more of the answer follows.
func (u *upstream) answer(p []byte) (n int, more bool) {
	x := u.x
	if u.seen > 0 && len(p) <= http1.MaxHead && !http1.Ends(p, u.seen) {
		u.seen = len(p)
		return 0, false
	}
	h := &x.client.s.head
	switch fault := h.Response(p, x.toHead); {
	case fault == http1.ErrIncomplete:
		u.seen = len(p)
		return 0, false
	case fault != nil || h.Status == 101 && !x.upgrade:
		x.drop(balance.Failed)
		if r := x.route.retry; r != nil && r.reset && x.may(true) {
			x.again()
			return len(p), false
		}
		x.fail(502, "the endpoint sent a malformed answer")
		return len(p), false
	}
	u.seen = 0
	if h.Status < 200 && h.Status != 101 {
		if !x.old { // HTTP/1.0 knows no interim answers
			x.write(h, p, http1.Lives, false)
		}
		return h.Size, true
	}
	if r := x.route.retry; r != nil && r.status[h.Status] && x.may(true) {
		x.drop(balance.Failed)
		x.again()
		return len(p), false
	}
	if more = u.pass(h, p); !more && h.Status != 101 {
		return len(p), false
	}
	return h.Size, more
}

// pass passes the final head on. more says that a body follows.
func (u *upstream) pass(h *http1.Head, p []byte) (more bool) {
	x := u.x
	c := x.client
	x.answered, x.status = true, h.Status
	if h.Status == 101 {
		x.write(h, p, http1.Upgrades, false)
		x.tunnel()
		return false
	}
	u.left, u.inBody = h.Length, true
	u.close = h.Close || u.single
	u.chunks = http1.Chunks{}
	if h.Length == http1.UntilClose {
		c.ends = true
	}
	if x.old {
		u.plain = h.Length == http1.Chunked
		if u.plain || !x.alive {
			c.ends = true
		}
	}
	if !x.sent {
		c.ends = true // whoever answers early does not want the rest
	}
	x.wait()
	switch {
	case c.ends:
		x.write(h, p, http1.Finishes, u.plain)
	case x.old:
		x.write(h, p, http1.LivesSaid, false)
	default:
		x.write(h, p, http1.Lives, false)
	}
	if u.left == 0 {
		u.rest(len(p) > h.Size)
		return false
	}
	return true
}

// write writes a head to the client.
func (x *exchange) write(h *http1.Head, p []byte, con http1.Connectedness, plain bool) {
	e := x.client.s
	edit := http1.Edit{Drop: x.route.answer.drop, Add: x.route.answer.add}
	if h.Status < 200 {
		edit = http1.Edit{}
	}
	if x.route.sticky.by == "cookie" && !x.known && h.Status >= 200 {
		e.add = append(append(e.add[:0], edit.Add...), x.cookie()...)
		edit.Add = e.add
	}
	e.out = h.AppendResponse(e.out[:0], p, &edit, con, plain)
	x.client.c.Write(e.out)
}

// cookie is the line that makes the client come back to this endpoint.
func (x *exchange) cookie() string {
	return "Set-Cookie: " + x.route.cookie(x.arm, x.ep) + "\r\n"
}

func (r *route) cookie(arm int, ep *balance.Endpoint) string {
	s := r.sticky.name + "=" + r.split.Cookie(arm, ep) + "; Path=/; HttpOnly; SameSite=Lax"
	if ttl := r.sticky.spec.TTL; ttl > 0 {
		s += fmt.Sprintf("; Max-Age=%d", int(ttl.Or(0).Seconds()))
	}
	return s
}

// copyBelow is the size up to which a piece of a body is copied behind the head,
// so that one system call carries both.
const copyBelow = 16 << 10

// body passes a piece of the answer's body on.
func (u *upstream) body(p []byte) (done int) {
	x := u.x
	c := x.client
	switch {
	case u.left == http1.Chunked:
		return u.chunked(p)
	case u.left == http1.UntilClose:
		done = len(p)
	default:
		done = int(min(int64(len(p)), u.left))
		u.left -= int64(done)
	}
	c.send(p[:done])
	if u.left == 0 {
		u.rest(done < len(p))
		return len(p)
	}
	u.hold()
	return done
}

// chunked passes a piece of a chunked body on, as it came or without its frame.
func (u *upstream) chunked(p []byte) (done int) {
	c := u.x.client
	for done < len(p) && !u.chunks.Done() {
		n, data, fault := u.chunks.Next(p[done:])
		if fault != nil {
			u.c.Close(fault)
			return len(p)
		}
		if u.plain && len(data) > 0 {
			c.c.Write(data)
		}
		done += n
	}
	if !u.plain {
		c.send(p[:done])
	}
	if u.chunks.Done() {
		u.rest(done < len(p))
		return len(p)
	}
	u.hold()
	return done
}

func (c *client) send(p []byte) {
	if len(p) <= copyBelow {
		c.c.Write(p)
	} else {
		c.c.WriteThrough(p)
	}
}

// hold stops reading while the client does not keep up.
func (u *upstream) hold() {
	u.x.wait()
	if u.x.client.c.Full(tooFull) {
		u.c.Pause()
	}
}

// rest ends the answer; an endpoint that sends more is not trusted with
// another request.
func (u *upstream) rest(more bool) {
	if more {
		u.close = true
	}
	u.finish()
}

// finish ends the exchange after its answer.
func (u *upstream) finish() {
	x := u.x
	c := x.client
	o := balance.Good
	if x.status >= 502 && x.status <= 504 {
		o = balance.Failed
	}
	early := !x.sent
	u.x, x.up, u.inBody, u.used = nil, nil, false, true
	x.done(o)
	x.end(x.status)
	if u.close || early {
		u.c.Close(nil)
	} else {
		u.b.give(u)
	}
	c.next()
}

// answer writes an answer of our own.
func (c *client) answer(status int, reason string) { c.answerAfter(status, reason, nil, 0, false) }

// answerAfter is answer, with a Retry-After of wait seconds unless it is 0.
func (c *client) answerAfter(status int, reason string, r *route, wait int, toHead bool) {
	e := c.s
	b := append(e.out[:0], "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	b = append(append(b, http.StatusText(status)...), "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(reason)+1), 10), "\r\n"...)
	if wait > 0 {
		b = append(strconv.AppendInt(append(b, "Retry-After: "...), int64(wait), 10), "\r\n"...)
	}
	if c.ends {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "\r\n"...)
	if !toHead {
		b = append(append(b, reason...), '\n')
	}
	c.c.Write(b)
	e.out = b
	if r != nil && c.x == nil {
		r.stats.count(status, 0)
	}
}
