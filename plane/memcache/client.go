package memcache

import (
	"bytes"
	"fmt"
	"strings"

	"nagi.dev/plane/loop"
	"nagi.dev/plane/shards"
)

const (
	maxLine = 1 << 20 // of a command; a get may name thousands of keys
	maxKey  = 250
)

// A client is one connection of a program.
type client struct {
	shards.Replies
	s    *Service
	gone bool
	skip int // bytes of a value that is not taken
}

// Open is called once.
func (c *client) Open(conn *loop.Conn) {
	c.Conn = conn
	c.s.clients.Add(&c.Replies, c)
}

// Data takes requests until one must wait.
func (c *client) Data(conn *loop.Conn, p []byte) (done int) {
	c.Seen = c.s.loop.Now()
	for done < len(p) {
		if c.skip > 0 {
			n := min(c.skip, len(p)-done)
			c.skip -= n
			done += n
			continue
		}
		if c.Held() {
			conn.Pause()
			return done
		}
		n, need := c.request(p[done:])
		if c.Ending() || conn.Closed() {
			return len(p)
		}
		if n == 0 {
			conn.Need(need)
			return done
		}
		done += n
	}
	return done
}

// request serves one. n is its length; 0 while bytes are missing, and then need
// of them are needed.
func (c *client) request(p []byte) (n, need int) {
	if p[0] == 0x80 {
		c.s.binary++
		c.s.log.Warn("client turned away", "peer", c.Conn.Peer(), "cause", "it speaks memcached's binary protocol, which is not offered; use text or meta commands")
		c.Conn.Close(nil)
		return 0, 0
	}
	i := bytes.IndexByte(p[:min(len(p), maxLine)], '\n')
	if i < 0 {
		if len(p) >= maxLine {
			c.Finish(c.Next(), "CLIENT_ERROR line too long\r\n")
		}
		return 0, len(p) + 1
	}
	c.s.words = words(c.s.words[:0], p[:i])
	w := c.s.words
	if len(w) == 0 {
		c.reply("ERROR\r\n")
		return i + 1, 0
	}
	cmd := commands[string(w[0])]
	if cmd == nil {
		c.reply("ERROR\r\n")
		return i + 1, 0
	}
	if cmd.size == 0 {
		c.s.requests[cmd.class]++
		cmd.serve(c, cmd, w, nil)
		return i + 1, 0
	}
	return c.withValue(cmd, w, p, i+1)
}

// withValue serves a command behind which a value stands.
func (c *client) withValue(cmd *command, w [][]byte, p []byte, line int) (n, need int) {
	size, ok := 0, false
	if len(w) > cmd.size {
		size, ok = digits(w[cmd.size])
	}
	switch {
	case len(w) < cmd.least:
		c.reply("ERROR\r\n")
		return line, 0
	case !ok:
		c.reply("CLIENT_ERROR bad command line format\r\n")
		return line, 0
	case size > c.s.limit:
		c.reply("SERVER_ERROR object too large for cache\r\n")
		c.skip = size + 2
		return line, 0
	case line+size+2 > len(p):
		return 0, line + size + 2
	}
	value := p[line : line+size+2]
	if value[size] != '\r' || value[size+1] != '\n' {
		c.reply("CLIENT_ERROR bad data chunk\r\n")
		return line + size + 2, 0
	}
	c.s.requests[cmd.class]++
	cmd.serve(c, cmd, w, value)
	return line + size + 2, 0
}

func words(all [][]byte, line []byte) [][]byte {
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\r' {
			i++
			continue
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\r' {
			i++
		}
		all = append(all, line[start:i])
	}
	return all
}

func (c *client) reply(s string) { c.Complete(c.Next(), []byte(s)) }

// What is done with the reply that a Ref waits for.
const (
	plain   = iota
	dropped // nobody waits: it was asked with noreply
	quiet   // shown only when it says something that q does not hide
)

// Take gets the reply of a shard.
func (c *client) Take(r shards.Ref, p []byte) {
	c.s.latency[r.Class].Observe(c.s.loop.Now() - r.At)
	if c.gone || r.Kind == dropped {
		return
	}
	if r.Kind == quiet && hidden(int(r.Part), p) {
		p = nil
	}
	c.Complete(r.Seq, p)
}

// Fail takes the place of a reply that does not come.
func (c *client) Fail(r shards.Ref, err error) {
	c.s.failed[r.Class]++
	if !c.gone && r.Kind != dropped {
		c.Complete(r.Seq, errorReply(err))
	}
}

// fail answers a request with an error of the proxy.
func (c *client) fail(cl class, err error, kind uint8) {
	c.s.failed[cl]++
	if kind != dropped {
		c.Complete(c.Next(), errorReply(err))
	}
}

func errorReply(err error) []byte {
	clean := strings.NewReplacer("\r", " ", "\n", " ").Replace(err.Error())
	return fmt.Appendf(nil, "SERVER_ERROR nagi: %s\r\n", clean)
}

// Waits is false: there is nothing a silent client waits for.
func (*client) Waits() bool { return false }

// EOF ends a client that sends no more, after the replies that it waits for.
func (c *client) EOF(*loop.Conn) { c.Replies.Drain() }

// Drained reads again what waited for the client to read.
func (c *client) Drained(*loop.Conn) { c.Replies.Drained() }

// Drain ends c after the replies that it waits for.
func (c *client) Drain(*loop.Conn) { c.Replies.Drain() }

// Closed forgets c.
func (c *client) Closed(*loop.Conn, error) {
	c.gone = true
	c.s.clients.Remove(&c.Replies)
	c.s.endIfLast()
}
