package loop

import (
	"io"

	"golang.org/x/sys/unix"
)

// copied is how much is copied into the loop's buffer before a read; what is
// longer is read straight behind what was kept.
const copied = 16 << 10

// event is what epoll says of c. Edge-triggered: an event comes once, so that
// what is not done now must be remembered.
func (c *Conn) event(l *Loop, events uint32) {
	if c.state == opening {
		if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			c.connected()
		}
		if c.state != open {
			return
		}
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.blocked {
		c.mark() // where nobody is left to read, this write says so
	}
	if events&unix.EPOLLERR != 0 && (c.paused || c.eof) || events&unix.EPOLLHUP != 0 && c.eof {
		c.fail(c.broke())
		return
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hup = true
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.more = true
		l.read(c)
	}
}

// broke is why a connection ended while nobody read from it.
func (c *Conn) broke() error {
	if err := connectError(c.fd); err != nil {
		return broken(err)
	}
	return io.ErrUnexpectedEOF
}

// read reads c until nothing is left, or its share of the turn is used up.
func (l *Loop) read(c *Conn) {
	if c.paused || c.state == closed || c.state == opening {
		return
	}
	if c.state == open && len(c.part) > 0 && !c.stalled {
		l.hand(c, c.part)
	}
	for range perTurn {
		if c.paused || c.state == closed || !(c.more || c.hup) || c.eof {
			return
		}
		if !l.readOnce(c) {
			return
		}
	}
	c.again()
}

// readOnce reads once and hands on; false: there is no more for now.
func (l *Loop) readOnce(c *Conn) bool {
	into, kept := l.room(c)
	n, e := read(c.fd, into[kept:])
	switch {
	case e == unix.EAGAIN:
		c.more = false
		return false
	case e != 0:
		c.fail(broken(e))
		return false
	case n == 0:
		l.eof(c)
		return false
	}
	c.more = n == len(into)-kept
	if c.state == finishing {
		return true
	}
	p := into[:kept+n]
	if len(c.part) > copied {
		c.part = p
	}
	if len(p) < c.need {
		l.keep(c, p, 0)
		return true
	}
	l.hand(c, p)
	return true
}

// room is where to read: the loop's buffer with what was kept in front, or
// behind what was kept when that is long.
func (l *Loop) room(c *Conn) (into []byte, kept int) {
	kept = len(c.part)
	if kept <= copied {
		copy(l.buf, c.part)
		return l.buf, kept
	}
	c.part = l.buffers.grow(c.part, max(64<<10, min(c.need-kept, 1<<20)))
	return c.part[:cap(c.part)], kept
}

func (l *Loop) hand(c *Conn, p []byte) {
	c.need = 0
	c.stalled = true
	done := c.h.Data(c, p)
	if c.state == closed {
		return
	}
	l.keep(c, p, done)
	if !c.stalled && !c.paused { // Data changed the handler, or paused and went on
		c.again()
	}
}

// keep keeps what stands in p behind done.
func (l *Loop) keep(c *Conn, p []byte, done int) {
	rest := p[done:]
	switch {
	case len(rest) == 0:
		l.buffers.put(c.part)
		c.part = nil
	case len(c.part) > 0 && &p[0] == &c.part[0]:
		if done > 0 {
			c.part = c.part[:copy(c.part, rest)]
		}
	default:
		c.part = append(l.buffers.grow(c.part[:0], len(rest)), rest...)
	}
}

func (l *Loop) eof(c *Conn) {
	c.more, c.hup, c.eof = false, false, true
	if c.state == open {
		c.h.EOF(c)
	}
	if c.halved && len(c.out) == 0 && !c.dirty {
		c.fail(nil)
	}
}
