package redis

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// handle serves one request. false: not yet; it comes again when all replies
// that c waits for are there.
func (c *client) handle(req *request) bool {
	cmd := find(req.args[0])
	switch {
	case cmd == nil:
		c.fail(unknown, fmt.Errorf("command %.40q is not known", req.args[0]))
		return true
	case cmd.way == refused:
		c.fail(unknown, fmt.Errorf("command %s is refused: %s", cmd.name, cmd.why))
		return true
	case len(req.args) < cmd.least:
		c.reply("-ERR wrong number of arguments for '" + strings.ToLower(cmd.name) + "' command\r\n")
		return true
	case !c.known && cmd.name != "AUTH" && cmd.name != "HELLO" && cmd.name != "QUIT":
		c.reply("-NOAUTH Authentication required.\r\n")
		return true
	}
	c.s.stats.requests[cmd.class]++
	if c.own != nil {
		return c.own.handle(cmd, req)
	}
	return c.dispatch(cmd, req)
}

// dispatch serves a request outside of transactions and subscriptions.
func (c *client) dispatch(cmd *command, req *request) bool {
	switch cmd.way {
	case single:
		sh, err := c.shardOf(cmd, req.args)
		c.forward(sh, err, cmd, req.raw, plain)
	case split:
		c.split(cmd, req)
	case blocking:
		return c.block(cmd, req)
	case local:
		c.local(cmd, req)
	case state:
		return c.begin(cmd, req)
	case anyShard:
		sh, err := c.s.pool.any()
		c.forward(sh, err, cmd, req.raw, plain)
	case everyOne:
		c.everyOne(cmd, req)
	}
	return true
}

var (
	errNoShard = errors.New("no shard is left")
	errNoKeys  = errors.New("it names no key, so that no shard can be chosen")
)

// shardOf returns the one shard that all keys belong to.
func (c *client) shardOf(cmd *command, args [][]byte) (*shard, error) {
	p := c.s.pool
	if cmd.first == 1 && cmd.last == 1 && cmd.numKeys == 0 {
		if sh := p.of(args[1]); sh != nil {
			return sh, nil
		}
		return nil, errNoShard
	}
	var sh *shard
	var first, other []byte
	ok := cmd.keys(args, func(i int) bool {
		x := p.of(args[i])
		if first == nil {
			sh, first = x, args[i]
		}
		if x != sh {
			other = args[i]
		}
		return other == nil
	})
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: the number of keys is wrong", cmd.name)
	case other != nil:
		return nil, fmt.Errorf("%s: keys %.40q and %.40q belong to different shards; give them one hash tag", cmd.name, first, other)
	case first == nil && len(p.shards) == 1:
		return p.shards[0], nil
	case first == nil:
		return nil, fmt.Errorf("%s: %w", cmd.name, errNoKeys)
	case sh == nil:
		return nil, errNoShard
	}
	return sh, nil
}

// any returns a shard that is there.
func (p *pool) any() (*shard, error) {
	for _, sh := range p.shards {
		if !sh.down {
			return sh, nil
		}
	}
	return nil, errNoShard
}

// forward sends a request to a shard as it is.
func (c *client) forward(sh *shard, err error, cmd *command, raw []byte, k kind) {
	var b *backend
	if err == nil {
		b, err = sh.backend(c.proto)
	}
	if err == nil && c.s.pool.inFlight > 0 && c.s.pool.flying() >= c.s.pool.inFlight {
		err = fmt.Errorf("pool %s has %d requests in flight, as many as it may", c.s.pool.name, c.s.pool.inFlight)
	}
	if err != nil {
		c.fail(cmd.class, err)
		return
	}
	b.send(raw, ref{c: c, seq: c.nextSlot(), kind: k, class: cmd.class})
}

// everyOne asks all shards.
func (c *client) everyOne(cmd *command, req *request) {
	how := added
	if cmd.name == "SCRIPT" {
		how = same
		if sub := bytes.ToUpper(req.args[1]); !bytes.Equal(sub, []byte("LOAD")) && !bytes.Equal(sub, []byte("EXISTS")) && !bytes.Equal(sub, []byte("FLUSH")) {
			c.fail(cmd.class, fmt.Errorf("SCRIPT %.20s is refused: only LOAD, EXISTS and FLUSH go to all shards", sub))
			return
		}
	}
	var to []*backend
	for _, sh := range c.s.pool.shards {
		b, err := sh.backend(c.proto)
		if err != nil {
			c.fail(cmd.class, err)
			return
		}
		to = append(to, b)
	}
	if len(to) == 0 {
		c.fail(cmd.class, errNoShard)
		return
	}
	m := c.merge(how, cmd.class)
	m.left = len(to)
	for i, b := range to {
		b.send(req.raw, ref{m: m, kind: part, part: uint16(i), class: cmd.class})
	}
}
