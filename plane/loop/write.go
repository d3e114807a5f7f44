package loop

import (
	"golang.org/x/sys/unix"
)

// Write appends p to what goes out at the end of this turn. Only a closed
// connection does not take it.
func (c *Conn) Write(p []byte) {
	if c.state > open || c.halved {
		return
	}
	c.out = append(c.l.buffers.grow(c.compact(len(p)), len(p)), p...)
	c.mark()
}

// WriteString is Write for a string.
func (c *Conn) WriteString(s string) {
	if c.state > open || c.halved {
		return
	}
	c.out = append(c.l.buffers.grow(c.compact(len(s)), len(s)), s...)
	c.mark()
}

// WriteThrough sends what waits, and p behind it, at once; what the kernel does
// not take is copied. For large p: a small one is cheaper with Write.
func (c *Conn) WriteThrough(p []byte) {
	if c.state != open || c.halved || c.blocked || len(p) == 0 {
		c.Write(p)
		return
	}
	rest := c.out[c.sent:]
	n, e := 0, unix.Errno(0)
	if len(rest) == 0 {
		n, e = write(c.fd, p)
	} else {
		n, e = write2(c.fd, rest, p)
	}
	if e != 0 && e != unix.EAGAIN {
		c.fail(broken(e))
		return
	}
	if e != 0 {
		n = 0
	}
	c.sent += min(n, len(rest))
	p = p[n-min(n, len(rest)):]
	if c.sent == len(c.out) {
		c.l.buffers.put(c.out)
		c.out, c.sent = nil, 0
	}
	if len(p) > 0 {
		c.Write(p)
		c.blocked = true
	}
}

// Full says whether more than limit bytes wait. When it says yes, Drained is
// called after the kernel has taken them all: who pauses can go on then.
func (c *Conn) Full(limit int) bool {
	if c.Pending() <= limit {
		return false
	}
	c.told = true
	return true
}

// Pending is how many bytes wait to be taken by the kernel.
func (c *Conn) Pending() int { return len(c.out) - c.sent }

// compact makes room by forgetting what was sent, where that avoids a larger buffer.
func (c *Conn) compact(n int) []byte {
	if c.sent > 0 && cap(c.out)-len(c.out) < n {
		c.out = c.out[:copy(c.out, c.out[c.sent:])]
		c.sent = 0
	}
	return c.out
}

// mark has c written to at the end of the turn.
func (c *Conn) mark() {
	if c.dirty || c.state == opening {
		return
	}
	c.dirty = true
	rank := 1
	if c.from == nil {
		rank = 0
	}
	c.l.dirty[rank] = append(c.l.dirty[rank], c)
}

func (l *Loop) flushAll(rank int) {
	for i := 0; i < len(l.dirty[rank]); i++ {
		c := l.dirty[rank][i]
		c.dirty = false
		if c.state != closed {
			l.flush(c)
		}
	}
	clear(l.dirty[rank])
	l.dirty[rank] = l.dirty[rank][:0]
}

func (l *Loop) flush(c *Conn) {
	for c.sent < len(c.out) {
		n, e := write(c.fd, c.out[c.sent:])
		if e == unix.EAGAIN {
			c.blocked = true // the kernel tells when it takes more
			return
		}
		if e != 0 {
			c.fail(broken(e))
			return
		}
		c.sent += n
	}
	if c.out != nil {
		l.buffers.put(c.out)
		c.out, c.sent = nil, 0
	}
	if c.halved {
		l.halve(c)
	}
	c.blocked = false
	if c.told {
		c.told = false
		if c.state == open {
			c.h.Drained(c)
		}
	}
}

func (l *Loop) halve(c *Conn) {
	_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
	if c.eof { // both directions have ended
		c.fail(nil)
	}
}
