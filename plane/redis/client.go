package redis

import (
	"errors"
	"fmt"
	"strings"

	"nagi.dev/plane/loop"
	"nagi.dev/plane/shards"
)

// A client is one connection of a program. Requests go out as they come, to any
// shard; replies come back in any order and are written in the order of requests.
type client struct {
	shards.Replies
	s     *Service
	proto uint8
	gone  bool
	known bool     // it has given the password, where one is asked for
	own   *session // a connection of its own; nil nearly always
	id    int64
	name  string
}

// Open is called once.
func (c *client) Open(conn *loop.Conn) {
	c.Conn = conn
	c.s.clients.Add(&c.Replies, c)
}

// Data takes requests until one must wait.
func (c *client) Data(conn *loop.Conn, p []byte) (done int) {
	c.Seen = c.s.loop.Now()
	req := &c.s.req
	for done < len(p) {
		if c.Held() {
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
			c.Wait()
			continue
		}
		done += n
		if c.Ending() {
			return len(p)
		}
	}
	c.s.stats.received += uint64(done)
	return done
}

func (c *client) protocolError(err error) {
	c.Finish(c.Next(), "-ERR Protocol error: "+clean(err.Error())+"\r\n")
}

// What is done with the reply that a Ref waits for.
const (
	plain   = iota // to the client, as it is
	scanned        // to the client, with another cursor
	ended          // like plain, and the connection is free after it
)

// ref waits for a reply in the next place.
func (c *client) ref(cmd *command, kind uint8) shards.Ref {
	return shards.Ref{To: c, Seq: c.Next(), Kind: kind, Class: uint8(cmd.class)}
}

// Take gets the reply of a shard.
func (c *client) Take(r shards.Ref, p []byte) {
	c.s.stats.latency[r.Class].Observe(c.s.loop.Now() - r.At)
	if c.gone {
		return
	}
	if r.Kind == scanned {
		p = nextCursor(p, int(r.Part), c.s.pool.Len())
	}
	c.Complete(r.Seq, p)
	if r.Kind == ended {
		c.release()
	}
}

// Fail takes the place of a reply that does not come.
func (c *client) Fail(r shards.Ref, err error) {
	if c.gone {
		return
	}
	c.s.stats.failed[r.Class]++
	c.Complete(r.Seq, errorReply(err))
	if r.Kind == ended {
		c.release()
	}
}

// reply answers a request of which no shard is asked.
func (c *client) reply(s string) { c.Complete(c.Next(), []byte(s)) }

// fail answers a request with an error of the proxy.
func (c *client) fail(cl class, err error) {
	c.s.stats.failed[cl]++
	c.Complete(c.Next(), errorReply(err))
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

// Waits says whether c is in a transaction, or a subscription.
func (c *client) Waits() bool { return c.own != nil }

// EOF ends a client that sends no more, after the replies that it waits for; one
// that waits for data or messages has gone.
func (c *client) EOF(conn *loop.Conn) {
	if c.own != nil {
		conn.Close(nil)
		return
	}
	c.Replies.Drain()
}

// Drained reads again what waited for the client to read.
func (c *client) Drained(*loop.Conn) {
	c.Replies.Drained()
	if c.own != nil && c.own.b != nil {
		c.own.b.Resume()
	}
}

// Drain ends c after the replies that it waits for.
func (c *client) Drain(*loop.Conn) { c.Replies.Drain() }

// Closed forgets c. Replies that still come are thrown away.
func (c *client) Closed(_ *loop.Conn, err error) {
	if errors.Is(err, shards.ErrSlow) {
		c.s.stats.slow++
	}
	c.gone = true
	c.s.clients.Remove(&c.Replies)
	if c.own != nil && c.own.b != nil {
		c.own.b.Close()
	}
	c.s.endIfLast()
}
