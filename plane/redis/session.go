package redis

import (
	"errors"
	"fmt"
	"strings"
)

// A session is a client with a connection of its own: in a transaction, while it
// watches keys, while it waits in a blocking command, or while it is subscribed.
// Entering and leaving wait until all replies are there, so that the client sees
// its requests done in their order, whatever connections they took.
type session struct {
	c     *client
	b     *backend // nil: MULTI, and no key yet
	multi bool     // between MULTI and EXEC
	watch bool
	dirty bool // EXEC must fail
	sub   bool
}

// begin serves a command that changes the state of a connection.
func (c *client) begin(cmd *command, req *request) bool {
	switch cmd.name {
	case "MULTI":
		if !c.idle() {
			return false
		}
		c.own = &session{c: c, multi: true}
		c.reply("+OK\r\n")
	case "EXEC", "DISCARD":
		c.reply("-ERR " + cmd.name + " without MULTI\r\n")
	case "UNWATCH":
		c.reply("+OK\r\n")
	case "WATCH":
		if !c.idle() {
			return false
		}
		sh, err := c.shardOf(cmd, req.args)
		if b := c.enter(cmd, sh, err, &session{c: c, watch: true}); b != nil {
			b.send(req.raw, ref{c: c, seq: c.nextSlot(), class: cmd.class})
		}
	case "SUBSCRIBE", "PSUBSCRIBE":
		return c.subscribe(cmd, req)
	case "UNSUBSCRIBE", "PUNSUBSCRIBE":
		c.notSubscribed(cmd, req)
	case "PUBLISH", "PUBSUB":
		sh, err := c.s.pool.hub()
		c.forward(sh, err, cmd, req.raw, plain)
	}
	return true
}

// enter gives c a connection of its own to sh; nil: it has answered why not.
func (c *client) enter(cmd *command, sh *shard, err error, x *session) *backend {
	if err == nil {
		x.b, err = sh.own(c)
	}
	if err != nil {
		c.fail(cmd.class, err)
		return nil
	}
	c.own = x
	return x.b
}

// release ends a session; its connection is free for others.
func (c *client) release() {
	if c.own == nil {
		return
	}
	b := c.own.b
	c.own = nil
	if b != nil {
		b.sh.giveBack(b)
	}
}

// bereft is called when the connection of c's own is lost. What waited for
// replies has been told.
func (c *client) bereft(err error) {
	if c.own == nil || c.gone {
		return
	}
	switch {
	case c.own.sub:
		c.own.b = nil
		c.conn.Close(err) // it would wait for messages that never come
	case c.own.multi || c.own.watch:
		c.own.b, c.own.dirty = nil, true
	default:
		c.own = nil
	}
}

// block serves a command that waits for data.
func (c *client) block(cmd *command, req *request) bool {
	if !c.idle() {
		return false
	}
	sh, err := c.shardOf(cmd, req.args)
	if b := c.enter(cmd, sh, err, &session{c: c}); b != nil {
		b.send(req.raw, ref{c: c, seq: c.nextSlot(), kind: patient, class: cmd.class})
		c.wait = true
	}
	return true
}

// handle serves a request of a session.
func (x *session) handle(cmd *command, req *request) bool {
	switch {
	case x.sub:
		return x.inSubscription(cmd, req)
	case x.multi:
		return x.inTransaction(cmd, req)
	}
	return x.whileWatching(cmd, req)
}

func (x *session) whileWatching(cmd *command, req *request) bool {
	c := x.c
	switch cmd.name {
	case "MULTI", "WATCH", "UNWATCH":
		if !c.idle() {
			return false
		}
		return x.watched(cmd, req)
	case "SUBSCRIBE", "PSUBSCRIBE":
		c.fail(cmd.class, fmt.Errorf("%s is not possible while keys are watched", cmd.name))
		return true
	}
	if cmd.way == blocking {
		c.fail(cmd.class, fmt.Errorf("%s is not possible while keys are watched", cmd.name))
		return true
	}
	return c.dispatch(cmd, req)
}

func (x *session) watched(cmd *command, req *request) bool {
	c := x.c
	if cmd.name == "UNWATCH" {
		if x.b == nil {
			c.own = nil
			c.reply("+OK\r\n")
			return true
		}
		x.b.send(req.raw, ref{c: c, seq: c.nextSlot(), kind: ended, class: cmd.class})
		c.wait = true
		return true
	}
	if cmd.name == "MULTI" {
		x.multi = true
		if x.b == nil {
			c.reply("+OK\r\n")
			return true
		}
	} else if err := x.mayReach(cmd, req); err != nil {
		c.fail(cmd.class, err)
		return true
	}
	x.b.send(req.raw, ref{c: c, seq: c.nextSlot(), class: cmd.class})
	return true
}

var errLost = errors.New("the connection of this transaction is lost")

// mayReach says whether a command belongs to the shard of the session.
func (x *session) mayReach(cmd *command, req *request) error {
	sh, err := x.c.shardOf(cmd, req.args)
	switch {
	case err != nil:
		return err
	case x.b == nil && x.dirty:
		return errLost
	case x.b != nil && x.b.sh != sh:
		return fmt.Errorf("%s: its key belongs to shard %s, and this transaction to %s; give all keys one hash tag", cmd.name, sh.name, x.b.sh.name)
	case x.b == nil:
		if x.b, err = sh.own(x.c); err != nil {
			return err
		}
		x.b.send([]byte("*1\r\n$5\r\nMULTI\r\n"), ref{kind: swallow})
	}
	return nil
}

func (x *session) inTransaction(cmd *command, req *request) bool {
	c := x.c
	switch cmd.name {
	case "EXEC", "DISCARD":
		x.leave(cmd, req)
		return true
	case "MULTI":
		c.reply("-ERR MULTI calls can not be nested\r\n")
		return true
	case "WATCH":
		c.reply("-ERR WATCH inside MULTI is not allowed\r\n")
		return true
	case "QUIT":
		c.finish(c.nextSlot(), "+OK\r\n")
		return true
	}
	err := fmt.Errorf("%s is not possible in MULTI", cmd.name)
	if cmd.way == single || cmd.way == split || cmd.way == blocking {
		err = x.mayReach(cmd, req)
	}
	if err != nil {
		x.dirty = true
		c.fail(cmd.class, err)
		return true
	}
	x.b.send(req.raw, ref{c: c, seq: c.nextSlot(), class: cmd.class})
	return true
}

// leave serves EXEC and DISCARD.
func (x *session) leave(cmd *command, req *request) {
	c := x.c
	switch {
	case x.b != nil && (!x.dirty || cmd.name == "DISCARD"):
		x.b.send(req.raw, ref{c: c, seq: c.nextSlot(), kind: ended, class: cmd.class})
		c.wait = true
		return
	case x.b != nil:
		x.b.send([]byte("*1\r\n$7\r\nDISCARD\r\n"), ref{kind: swallow})
	}
	dirty := x.dirty
	c.release()
	switch {
	case cmd.name == "DISCARD":
		c.reply("+OK\r\n")
	case dirty:
		c.reply("-EXECABORT Transaction discarded because of previous errors.\r\n")
	default:
		c.reply("*0\r\n")
	}
}

// hub is the shard through which all messages go, so that publishers and
// subscribers meet: the first. When it is away there are no messages.
func (p *pool) hub() (*shard, error) {
	if len(p.shards) == 0 {
		return nil, errNoShard
	}
	return p.shards[0], nil
}

func (c *client) subscribe(cmd *command, req *request) bool {
	if !c.idle() {
		return false
	}
	sh, err := c.s.pool.hub()
	if b := c.enter(cmd, sh, err, &session{c: c, sub: true}); b != nil {
		b.sub = true
		b.conn.Write(req.raw)
	}
	return true
}

// inSubscription passes on what may be said by a subscriber. RESP3 tells replies
// from messages, so that everything else goes its usual way.
func (x *session) inSubscription(cmd *command, req *request) bool {
	c := x.c
	switch cmd.name {
	case "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE":
		x.b.conn.Write(req.raw)
		return true
	case "QUIT":
		c.finish(c.nextSlot(), "+OK\r\n")
		return true
	}
	switch {
	case c.proto == 3 && (cmd.way == blocking || cmd.class == transactions):
		c.fail(cmd.class, fmt.Errorf("%s is not possible while subscribed", cmd.name))
		return true
	case c.proto == 3:
		return c.dispatch(cmd, req)
	case cmd.name == "PING":
		x.b.conn.Write(req.raw)
		return true
	}
	c.reply("-ERR Can't execute '" + strings.ToLower(cmd.name) + "': only (P)SUBSCRIBE / (P)UNSUBSCRIBE / PING / QUIT are allowed in this context\r\n")
	return true
}

// message passes on what came for a subscriber. One that does not read stops its
// connection to the shard, and the shard drops it.
func (c *client) message(b *backend, p []byte) {
	c.conn.Write(p)
	if c.conn.Full(outSoft) {
		b.conn.Pause()
	}
	if lastUnsubscribed(p) {
		b.sub = false
		c.own = nil
		b.conn.Close(nil)
	}
}

// lastUnsubscribed says whether p tells that no subscription is left.
func lastUnsubscribed(p []byte) bool {
	s := string(p[:min(len(p), 40)])
	if !strings.HasSuffix(string(p[max(0, len(p)-5):]), "\n:0\r\n") || len(s) < 4 || s[1:4] != "3\r\n" {
		return false
	}
	return strings.HasPrefix(s[4:], "$11\r\nunsubscribe") || strings.HasPrefix(s[4:], "$12\r\npunsubscribe")
}

// notSubscribed answers for a client without a subscription.
func (c *client) notSubscribed(cmd *command, req *request) {
	kind := byte('*')
	if c.proto == 3 {
		kind = '>'
	}
	var b []byte
	for _, name := range req.args[1:] {
		b = append(bulk(bulk(header(b, kind, 3), []byte(strings.ToLower(cmd.name))), name), ":0\r\n"...)
	}
	if len(b) == 0 {
		b = append(bulk(header(nil, kind, 3), []byte(strings.ToLower(cmd.name))), "$-1\r\n:0\r\n"...)
	}
	c.complete(c.nextSlot(), b)
}
