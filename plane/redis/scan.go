package redis

import (
	"fmt"
	"strconv"
)

// A cursor of SCAN holds the shard in its lower digits, so that one walk goes
// over all shards: 0 begins with the first, and a shard that ends hands over to
// the next.
const shardsMost = 1024

// walk serves SCAN.
func (c *client) walk(cmd *command, req *request) {
	p := c.s.pool
	cursor, err := strconv.ParseUint(string(req.args[1]), 10, 64)
	at := int(cursor % shardsMost)
	if err != nil || at >= len(p.shards) {
		c.reply("-ERR invalid cursor\r\n")
		return
	}
	args := append([][]byte{req.args[0], strconv.AppendUint(nil, cursor/shardsMost, 10)}, req.args[2:]...)
	b, err := p.shards[at].backend(c.proto)
	if err != nil {
		c.fail(cmd.class, err)
		return
	}
	b.send(encode(nil, args...), ref{c: c, seq: c.nextSlot(), kind: scanned, part: uint16(at), class: cmd.class})
}

// nextCursor puts the cursor of all shards in the place of that of one.
func nextCursor(p []byte, at, shards int) []byte {
	const head = "*2\r\n"
	if p[0] == '-' {
		return p
	}
	if len(p) < len(head)+1 || string(p[:len(head)]) != head || p[len(head)] != '$' {
		return errorReply(fmt.Errorf("a shard answered SCAN with %.20q", p))
	}
	n, start, err := number(p, len(head)+1)
	if err != nil || n < 0 || start+n+2 > len(p) {
		return errorReply(fmt.Errorf("a shard answered SCAN with %.20q", p))
	}
	cursor, err := strconv.ParseUint(string(p[start:start+n]), 10, 64)
	if err != nil || cursor > (1<<64-1)/shardsMost {
		return errorReply(fmt.Errorf("a shard's cursor %.30q is too large", p[start:start+n]))
	}
	switch {
	case cursor != 0:
		cursor = cursor*shardsMost + uint64(at)
	case at+1 < shards:
		cursor = uint64(at) + 1
	}
	return append(bulk([]byte(head), strconv.AppendUint(nil, cursor, 10)), p[start+n+2:]...)
}
