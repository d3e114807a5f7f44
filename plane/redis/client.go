package redis

import (
	"fmt"
	"strings"
	"time"

	"nagi.dev/plane/loop"
)

const (
	flightMost = 1024    // requests of one client without a reply
	outSoft    = 1 << 20 // bytes that wait for a client before it is read again
	outHard    = 64 << 20
)

// A slot is the place of one reply of a client.
type slot struct {
	off, n int32 // in side
	done   bool
}

// A client is one connection of a program. Requests go out as they come, to any
// shard; replies come back in any order and are written in the order of requests.
type client struct {
	s     *Service
	conn  *loop.Conn
	proto uint8
	gone  bool
	known bool // it has given the password, where one is asked for
	wait  bool // nothing is read before all replies are there
	bye   bool // it closes after the last reply

	ring       []slot // its length is a power of two
	head, tail uint32
	side       []byte // replies that came before their turn
	seen       time.Duration
	own        *session // a connection of its own; nil nearly always
	id         int64
	name       string
	next, prev *client
}

// Open is called once.
func (c *client) Open(conn *loop.Conn) {
	c.conn = conn
	c.seen = c.s.loop.Now()
	c.s.clients.add(c)
}

// Data takes requests until one must wait.
func (c *client) Data(conn *loop.Conn, p []byte) (done int) {
	c.seen = c.s.loop.Now()
	req := &c.s.req
	for done < len(p) {
		if c.held() {
			conn.Pause()
			break
		}
		n, need, err := req.parse(p[done:], c.s.limit)
		if err != nil {
			c.protocolError(err)
			return len(p)
		}
		if n == 0 {
			if len(p)-done > c.s.limit {
				c.protocolError(fmt.Errorf("a request of more than %d bytes", c.s.limit))
				return len(p)
			}
			conn.Need(need)
			break
		}
		if len(req.args) > 0 && !c.handle(req) {
			c.wait = true
			continue
		}
		done += n
		if c.bye {
			return len(p)
		}
	}
	c.s.stats.received += uint64(done)
	return done
}

// held says whether c may send nothing more for now.
func (c *client) held() bool {
	return c.wait && c.tail != c.head || c.tail-c.head >= flightMost || c.conn.Full(outSoft)
}

// idle says that all replies are there; the next request need not wait.
func (c *client) idle() bool {
	c.wait = c.wait && c.tail != c.head
	return c.tail == c.head
}

func (c *client) protocolError(err error) {
	c.finish(c.nextSlot(), "-ERR Protocol error: "+clean(err.Error())+"\r\n")
}

// finish writes a last reply, and closes after it.
func (c *client) finish(seq uint32, reply string) {
	c.bye = true
	c.conn.Pause()
	c.complete(seq, []byte(reply))
}

// nextSlot takes a place for a reply.
func (c *client) nextSlot() uint32 {
	if c.tail-c.head == uint32(len(c.ring)) {
		ring := make([]slot, max(4, 2*len(c.ring)))
		for i := c.head; i != c.tail; i++ {
			ring[i&uint32(len(ring)-1)] = c.ring[i&uint32(len(c.ring)-1)]
		}
		c.ring = ring
	}
	seq := c.tail
	c.tail++
	c.ring[seq&uint32(len(c.ring)-1)] = slot{}
	return seq
}

// complete fills the place seq. What is in turn is written.
func (c *client) complete(seq uint32, p []byte) {
	mask := uint32(len(c.ring) - 1)
	if seq != c.head {
		s := &c.ring[seq&mask]
		s.off, s.n, s.done = int32(len(c.side)), int32(len(p)), true
		c.side = append(c.s.loop.Grow(c.side, len(p)), p...)
		if len(c.side) > outHard+c.s.limit {
			c.tooSlow()
		}
		return
	}
	c.conn.Write(p)
	c.head++
	for c.head != c.tail && c.ring[c.head&mask].done {
		s := c.ring[c.head&mask]
		c.conn.Write(c.side[s.off : s.off+s.n])
		c.head++
	}
	if c.conn.Pending() > outHard+c.s.limit {
		c.tooSlow()
	}
	if c.head == c.tail {
		c.settled()
	} else if c.conn.Paused() && !c.held() && !c.bye {
		c.conn.Resume()
	}
}

// settled is called when all replies are there.
func (c *client) settled() {
	if c.side != nil {
		c.s.loop.Return(c.side)
		c.side = nil
	}
	c.wait = false
	switch {
	case c.bye:
		c.conn.Finish()
	case c.conn.Paused() && !c.conn.Full(outSoft):
		c.conn.Resume()
	}
}

func (c *client) tooSlow() {
	c.s.stats.slow++
	c.conn.Close(fmt.Errorf("it does not read its replies"))
}

// reply answers a request of which no shard is asked.
func (c *client) reply(s string) { c.complete(c.nextSlot(), []byte(s)) }

// fail answers a request with an error of the proxy.
func (c *client) fail(cl class, err error) {
	c.s.stats.failed[cl]++
	c.complete(c.nextSlot(), errorReply(err))
}

func errorReply(err error) []byte { return []byte("-ERR nagi: " + clean(err.Error()) + "\r\n") }

// clean keeps an error on one line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

// waits says whether c has a reply to come, or a subscription.
func (c *client) waits() bool { return c.head != c.tail || c.own != nil }

// trim takes back what an idle client holds.
func (c *client) trim() {
	if c.head == c.tail && len(c.ring) > 4 {
		c.ring = nil
	}
}

// EOF: a client that sends no more reads no more, as with Redis itself.
func (c *client) EOF(conn *loop.Conn) { conn.Close(nil) }

// Drained reads again what waited for the client to read.
func (c *client) Drained(conn *loop.Conn) {
	if conn.Paused() && !c.held() && !c.bye {
		conn.Resume()
	}
	if c.own != nil && c.own.b != nil {
		c.own.b.conn.Resume()
	}
}

// Drain ends c after the replies that it waits for.
func (c *client) Drain(conn *loop.Conn) {
	c.bye = true
	conn.Pause()
	if c.head == c.tail {
		conn.Finish()
	}
}

// Closed forgets c. Replies that still come are thrown away.
func (c *client) Closed(*loop.Conn, error) {
	c.gone = true
	c.unlink()
	c.s.loop.Return(c.side)
	c.side, c.ring = nil, nil
	if c.own != nil && c.own.b != nil {
		c.own.b.conn.Close(nil)
	}
	c.s.endIfLast()
}
