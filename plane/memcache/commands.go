package memcache

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"nagi.dev/plane/shards"
)

// A command is what is known of one.
type command struct {
	class class
	size  int // the word that says how long the value behind is; 0: there is none
	least int // words, with the name
	keys  int // where keys begin, for commands of several
	why   string
	serve func(c *client, cmd *command, w [][]byte, value []byte)
}

var commands map[string]*command

func init() {
	storage := &command{class: sets, size: 4, least: 5, serve: (*client).one}
	arithmetic := &command{class: changes, least: 3, serve: (*client).one}
	get := &command{class: gets, least: 2, keys: 1, serve: (*client).get}
	gat := &command{class: gets, least: 3, keys: 2, serve: (*client).get}
	mets := &command{class: changes, least: 2, serve: (*client).meta}
	commands = map[string]*command{
		"get": get, "gets": get, "gat": gat, "gats": gat,
		"set": storage, "add": storage, "replace": storage, "append": storage, "prepend": storage,
		"cas":  {class: sets, size: 4, least: 6, serve: (*client).one},
		"incr": arithmetic, "decr": arithmetic, "touch": arithmetic,
		"delete": {class: changes, least: 2, serve: (*client).one},
		"mg":     {class: gets, least: 2, serve: (*client).meta},
		"ms":     {class: sets, size: 2, least: 3, serve: (*client).meta},
		"md":     mets, "ma": mets, "me": mets,
		"mn":        say("MN\r\n"),
		"version":   say("VERSION 1.6.18-nagi\r\n"),
		"verbosity": {class: other, serve: (*client).verbosity},
		"quit":      {class: other, serve: func(c *client, _ *command, _ [][]byte, _ []byte) { c.Drain(c.Conn) }},
	}
	for why, names := range map[string][]string{
		"it would empty every shard; ask the shards themselves": {"flush_all"},
		"it concerns one shard; ask the shard itself":           {"stats", "slabs", "lru", "lru_crawler", "watch", "shutdown", "cache_memlimit", "extstore", "misbehave", "debugtime", "refresh_certs"},
	} {
		for _, n := range names {
			commands[n] = &command{class: other, why: why, serve: (*client).refuse}
		}
	}
}

// say answers s, whatever stands behind, as memcached does.
func say(s string) *command {
	return &command{class: other, serve: func(c *client, _ *command, _ [][]byte, _ []byte) { c.reply(s) }}
}

// verbosity is the proxy's, and does nothing; it is checked as memcached does.
func (c *client) verbosity(_ *command, w [][]byte, _ []byte) {
	switch _, number := digits(w[min(1, len(w)-1)]); {
	case noreply(w):
	case len(w) == 2 && number:
		c.reply("OK\r\n")
	default:
		c.reply("ERROR\r\n")
	}
}

func (c *client) refuse(cmd *command, w [][]byte, _ []byte) {
	kind := uint8(plain)
	if noreply(w) {
		kind = dropped
	}
	c.fail(other, fmt.Errorf("%s is refused: %s", w[0], cmd.why), kind)
}

func noreply(w [][]byte) bool { return len(w) > 1 && string(w[len(w)-1]) == "noreply" }

func goodKey(k []byte) bool {
	if len(k) == 0 || len(k) > maxKey {
		return false
	}
	for _, b := range k {
		if b < ' ' || b == 0x7f {
			return false
		}
	}
	return true
}

var errNoShard = errors.New("no shard is left")

// backend returns the connection to the shard of a key.
func (c *client) backend(key []byte) (*shards.Backend, error) {
	sh := c.s.pool.Of(key)
	if sh == nil {
		return nil, errNoShard
	}
	if err := c.s.pool.Full(); err != nil {
		return nil, err
	}
	return sh.Backend(0)
}

// one serves a command of one key.
func (c *client) one(cmd *command, w [][]byte, value []byte) {
	kind := uint8(plain)
	if noreply(w) {
		kind, w = dropped, w[:len(w)-1]
	}
	if len(w) < cmd.least {
		c.reply("ERROR\r\n")
		return
	}
	if !goodKey(w[1]) {
		c.reply("CLIENT_ERROR bad command line format\r\n")
		return
	}
	b, err := c.backend(w[1])
	if err != nil {
		c.fail(cmd.class, err, kind)
		return
	}
	c.send(b, cmd, w, value, shards.Ref{Kind: kind})
}

// send writes a command anew, and its value behind it.
func (c *client) send(b *shards.Backend, cmd *command, w [][]byte, value []byte, r shards.Ref) {
	r.To, r.Class = c, uint8(cmd.class)
	if r.Kind != dropped {
		r.Seq = c.Next()
	}
	b.Push(r)
	c.s.scratch = line(c.s.scratch[:0], w)
	b.Write(c.s.scratch)
	if value != nil {
		b.Write(value)
	}
}

func line(b []byte, w [][]byte) []byte {
	for i, x := range w {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, x...)
	}
	return append(b, '\r', '\n')
}

// meta serves mg, ms, md, ma and me. With q, the proxy hides what q hides.
func (c *client) meta(cmd *command, w [][]byte, value []byte) {
	flags := 2
	if cmd.size > 0 {
		flags = 3
	}
	r := shards.Ref{}
	key := w[min(1, len(w)-1)]
	kept := append([][]byte(nil), w[:min(flags, len(w))]...)
	for _, f := range w[min(flags, len(w)):] {
		switch {
		case string(f) == "q":
			r.Kind, r.Part = quiet, uint16(w[0][1])
			continue
		case string(f) == "b":
			plainKey, err := base64.StdEncoding.DecodeString(string(key))
			if err != nil {
				c.reply("CLIENT_ERROR error decoding key\r\n")
				return
			}
			key = plainKey
		}
		kept = append(kept, f)
	}
	if len(w) < cmd.least || len(key) == 0 || len(w[1]) > maxKey {
		c.reply("CLIENT_ERROR bad command line format\r\n")
		return
	}
	b, err := c.backend(key)
	if err != nil {
		c.fail(cmd.class, err, plain)
		return
	}
	c.send(b, cmd, kept, value, r)
}

// hidden says whether q hides a reply to m and the letter of.
func hidden(of int, p []byte) bool {
	if of == 'g' {
		return bytes.HasPrefix(p, []byte("EN"))
	}
	return bytes.HasPrefix(p, []byte("HD"))
}
