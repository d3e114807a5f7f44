package redis

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"nagi.dev/plane/shards"
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
		c.forward(sh, err, cmd, req.raw)
	case split:
		c.split(cmd, req)
	case blocking:
		return c.block(cmd, req)
	case local:
		c.local(cmd, req)
	case state:
		return c.begin(cmd, req)
	case anyShard:
		sh, err := c.anyShard()
		c.forward(sh, err, cmd, req.raw)
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
func (c *client) shardOf(cmd *command, args [][]byte) (*shards.Shard, error) {
	p := c.s.pool
	if cmd.first == 1 && cmd.last == 1 && cmd.numKeys == 0 {
		if sh := p.Of(args[1]); sh != nil {
			return sh, nil
		}
		return nil, errNoShard
	}
	var sh *shards.Shard
	var first, other []byte
	ok := cmd.keys(args, func(i int) bool {
		x := p.Of(args[i])
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
	case first == nil && p.Len() == 1:
		return p.At(0), nil
	case first == nil:
		return nil, fmt.Errorf("%s: %w", cmd.name, errNoKeys)
	case sh == nil:
		return nil, errNoShard
	}
	return sh, nil
}

func (c *client) anyShard() (*shards.Shard, error) {
	if sh := c.s.pool.Any(); sh != nil {
		return sh, nil
	}
	return nil, errNoShard
}

// forward sends a request to a shard as it is.
func (c *client) forward(sh *shards.Shard, err error, cmd *command, raw []byte) {
	var b *shards.Backend
	if err == nil {
		b, err = sh.Backend(c.proto - 2)
	}
	if err == nil {
		err = c.s.pool.Full()
	}
	if err != nil {
		c.fail(cmd.class, err)
		return
	}
	b.Send(raw, c.ref(cmd, plain))
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
	var to []*shards.Backend
	for i := range c.s.pool.Len() {
		b, err := c.s.pool.At(i).Backend(c.proto - 2)
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
		b.Send(req.raw, shards.Ref{To: m, Part: uint16(i), Class: uint8(cmd.class)})
	}
}
