package shards

import (
	"errors"
	"time"

	"nagi.dev/plane/loop"
)

const (
	flightMost  = 1024      // requests of one client without a reply
	flightBytes = 2 << 20   // their replies, by the size of those before
	firstGuess  = 64 << 10  // of the size of a reply
	outSoft     = 256 << 10 // bytes that wait for a client before it is read again
	outHard     = 64 << 20  // and before it is closed
	through     = 16 << 10  // a reply that is sent at once, for a copy would cost more than a system call
)

// ErrSlow is why a client that does not read its replies is closed.
var ErrSlow = errors.New("it does not read its replies")

// A slot is the place of one reply of a client.
type slot struct {
	off, n int32 // in side
	done   bool
}

// Replies are those of one client. They come in any order and are written in
// the order of requests. A client with too much outstanding is not read.
type Replies struct {
	Conn *loop.Conn
	Seen time.Duration // when the client last sent something

	ring       []slot // its length is a power of two
	head, tail uint32
	side       []byte // replies that came before their turn
	wait       bool   // nothing is read before all replies are there
	bye        bool   // it closes after the last reply
	mean       int    // bytes of a reply lately, less firstGuess

	waiter     Waiter
	next, prev *Replies
}

// Held says whether the client may send nothing more for now. Who finds it so
// pauses the connection; it goes on by itself.
func (c *Replies) Held() bool {
	flying := int(c.tail - c.head)
	return c.wait && flying > 0 || flying >= flightMost || flying*(c.mean+firstGuess) > flightBytes || c.Conn.Full(outSoft) || c.bye
}

// Idle says that all replies are there.
func (c *Replies) Idle() bool { return c.tail == c.head }

// Wait has the next request wait until all replies are there.
func (c *Replies) Wait() { c.wait = true }

// Ending says that no further request is served.
func (c *Replies) Ending() bool { return c.bye }

// Full says whether much waits for the client to read.
func (c *Replies) Full() bool { return c.Conn.Full(outSoft) }

// Finish writes a last reply, and closes after it.
func (c *Replies) Finish(seq uint32, reply string) {
	c.bye = true
	c.Conn.Pause()
	c.Complete(seq, []byte(reply))
}

// Next takes a place for a reply.
func (c *Replies) Next() uint32 {
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

// Complete fills a place; p may be empty. What is in turn is written.
func (c *Replies) Complete(seq uint32, p []byte) {
	if c.Conn.Closed() {
		return
	}
	c.mean += (len(p) - firstGuess - c.mean) / 8
	mask := uint32(len(c.ring) - 1)
	if seq != c.head {
		s := &c.ring[seq&mask]
		s.off, s.n, s.done = int32(len(c.side)), int32(len(p)), true
		c.side = append(c.Conn.Loop().Grow(c.side, len(p)), p...)
		if len(c.side)-len(p) > outHard {
			c.Conn.Close(ErrSlow)
		}
		return
	}
	if len(p) < through {
		c.Conn.Write(p)
	} else {
		c.Conn.WriteThrough(p)
	}
	c.head++
	for c.head != c.tail && c.ring[c.head&mask].done {
		s := c.ring[c.head&mask]
		c.Conn.Write(c.side[s.off : s.off+s.n])
		c.head++
	}
	if c.Conn.Pending()-len(p) > outHard {
		c.Conn.Close(ErrSlow)
		return
	}
	if c.head == c.tail {
		c.settled()
	} else if c.Conn.Paused() && !c.Held() {
		c.Conn.Resume()
	}
}

// settled is called when all replies are there.
func (c *Replies) settled() {
	if c.side != nil {
		c.Conn.Loop().Return(c.side)
		c.side = nil
	}
	c.wait = false
	switch {
	case c.bye:
		c.Conn.Finish()
	case c.Conn.Paused() && !c.Held():
		c.Conn.Resume()
	}
}

// Drained reads again what waited for the client to read.
func (c *Replies) Drained() {
	if c.Conn.Paused() && !c.Held() {
		c.Conn.Resume()
	}
}

// Drain ends the client after the replies that it waits for.
func (c *Replies) Drain() {
	c.bye = true
	c.Conn.Pause()
	if c.head == c.tail {
		c.Conn.Finish()
	}
}
