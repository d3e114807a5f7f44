package memcache

import (
	"bytes"

	"nagi.dev/plane/shards"
)

// A portion is what one shard gets of a get.
type portion struct {
	b    *shards.Backend
	line []byte
}

// get serves get, gets, gat and gats: each shard is asked for its keys.
func (c *client) get(cmd *command, w [][]byte, _ []byte) {
	s := c.s
	if len(w) < cmd.least {
		c.reply("ERROR\r\n")
		return
	}
	for len(s.parts) < s.pool.Len() {
		s.parts = append(s.parts, portion{})
	}
	for i := range s.parts {
		s.parts[i].b, s.parts[i].line = nil, s.parts[i].line[:0]
	}
	used := 0
	for _, k := range w[cmd.keys:] {
		if !goodKey(k) {
			c.reply("CLIENT_ERROR bad command line format\r\n")
			return
		}
		b, err := c.backend(k)
		if err != nil {
			c.fail(cmd.class, err, plain)
			return
		}
		x := &s.parts[b.Shard().Index()]
		if x.b == nil {
			used++
			x.b = b
			x.line = append(x.line, w[0]...)
			if cmd.keys == 2 {
				x.line = append(append(x.line, ' '), w[1]...)
			}
		}
		x.line = append(append(x.line, ' '), k...)
	}
	c.ask(cmd, used)
}

// ask sends each shard its portion.
func (c *client) ask(cmd *command, used int) {
	r := shards.Ref{To: c, Seq: c.Next(), Class: uint8(cmd.class)}
	if used > 1 {
		r.To = &union{c: c, seq: r.Seq, left: used}
	}
	for i := range c.s.parts {
		if x := &c.s.parts[i]; x.b != nil {
			x.line = append(x.line, '\r', '\n')
			x.b.Send(x.line, r)
		}
	}
}

// A union puts the values of several shards behind each other.
type union struct {
	c    *client
	seq  uint32
	left int
	all  []byte
	bad  []byte // the first error
}

var end = []byte("END\r\n")

// Take gets the reply of a shard.
func (u *union) Take(r shards.Ref, p []byte) {
	s := u.c.s
	s.latency[r.Class].Observe(s.loop.Now() - r.At)
	if values, ok := bytes.CutSuffix(p, end); ok {
		u.all = append(s.loop.Grow(u.all, len(p)), values...)
	} else if u.bad == nil {
		u.bad = append([]byte(nil), p...)
	}
	u.one()
}

// Fail takes the place of a reply that does not come.
func (u *union) Fail(r shards.Ref, err error) {
	u.c.s.failed[r.Class]++
	if u.bad == nil {
		u.bad = errorReply(err)
	}
	u.one()
}

func (u *union) one() {
	if u.left--; u.left > 0 {
		return
	}
	l := u.c.s.loop
	if !u.c.gone {
		if u.bad == nil {
			u.all = append(l.Grow(u.all, len(end)), end...)
		}
		if u.bad != nil {
			u.c.Complete(u.seq, u.bad)
		} else {
			u.c.Complete(u.seq, u.all)
		}
	}
	l.Return(u.all)
	u.all = nil
}
