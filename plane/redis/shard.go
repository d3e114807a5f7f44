package redis

import (
	"errors"
	"fmt"
	"time"

	"nagi.dev/plane/loop"
)

const (
	firstPause = 50 * time.Millisecond // before a shard that refused is tried again
	lastPause  = 2 * time.Second
	queueMost  = 32 << 20 // bytes that may wait for one connection to a shard
)

// A shard is one endpoint. It is up, or down after failures:
//
//	up --limit failures, or no connection--> down --a PING answered--> up
//
// While it is down its requests fail at once, and after each pause a connection
// with a PING tries it. Where the pool ejects, one with too many failures is
// out of the ring too.
type shard struct {
	pool    *pool
	index   int
	name    string
	address string
	drain   bool
	retired bool

	shared [2]*backend // one for RESP2, one for RESP3
	spare  []*backend  // own connections that nobody uses
	conns  int

	failures int // in a row
	missed   int // checks in a row
	down     bool
	out      bool // of the ring
	reason   error
	pause    time.Duration
	good     int // probes in a row
	retry    *loop.Timer

	requests, failed, timeouts, ejections uint64
}

func newShard(p *pool, name, address string, drain bool) *shard {
	return &shard{pool: p, index: len(p.shards), name: name, address: address, drain: drain}
}

// err is what a client reads of a failure here.
func (sh *shard) err(cause error) error {
	return fmt.Errorf("shard %s (%s): %w", sh.name, sh.address, cause)
}

// backend returns the connection that all clients of a protocol share.
func (sh *shard) backend(proto uint8) (*backend, error) {
	b := sh.shared[proto-2]
	if b == nil {
		if sh.down {
			return nil, sh.err(fmt.Errorf("is away: %w", sh.reason))
		}
		b = sh.dial(proto)
		sh.shared[proto-2] = b
	}
	if b.conn.Pending() > queueMost {
		return nil, sh.err(errors.New("its queue is full"))
	}
	return b, nil
}

var errConnections = errors.New("has as many connections as it may")

// own returns a connection for one client alone.
func (sh *shard) own(c *client) (*backend, error) {
	for i, b := range sh.spare {
		if b.proto == c.proto {
			sh.spare = append(sh.spare[:i], sh.spare[i+1:]...)
			b.owner = c
			return b, nil
		}
	}
	if sh.down {
		return nil, sh.err(fmt.Errorf("is away: %w", sh.reason))
	}
	if sh.conns >= sh.pool.connections {
		return nil, sh.err(errConnections)
	}
	b := sh.dial(c.proto)
	b.owner = c
	return b, nil
}

// giveBack keeps a clean connection for the next client that needs one.
func (sh *shard) giveBack(b *backend) {
	b.owner = nil
	if len(sh.spare) < 16 && !sh.retired && !b.conn.Closed() {
		sh.spare = append(sh.spare, b)
		return
	}
	b.conn.Close(nil)
}

func (sh *shard) dial(proto uint8) *backend {
	b := &backend{sh: sh, s: sh.pool.s, proto: proto, timeout: sh.pool.timeout}
	sh.conns++
	b.conn = b.s.loop.Dial(sh.address, sh.pool.connect, b)
	b.greet()
	return b
}

func (sh *shard) inFlight() (n int) {
	for _, b := range sh.shared {
		if b != nil {
			n += b.waiting()
		}
	}
	return n
}

// answered says that sh lives.
func (sh *shard) answered() { sh.failures = 0 }

// failure counts one. connected is false when there was no connection at all.
func (sh *shard) failure(cause error, connected bool) {
	sh.failures++
	sh.failed++
	sh.reason = cause
	limit := sh.pool.limit
	tooMany := limit > 0 && sh.failures >= limit
	if !connected || tooMany {
		sh.goDown(tooMany)
	}
}

func (sh *shard) goDown(tooMany bool) {
	if sh.retired {
		return
	}
	if tooMany {
		sh.pool.change(sh, true)
	}
	sh.good = 0
	if sh.out {
		sh.pause = min(max(sh.pause*2, sh.pool.ejectFor), 10*sh.pool.ejectFor)
		if !sh.down || sh.pause > sh.pool.ejectFor && sh.failures <= sh.pool.limit {
			sh.pause = sh.pool.ejectFor
		}
	} else {
		sh.pause = min(max(sh.pause*2, firstPause), lastPause)
	}
	sh.down = true
	if sh.retry == nil {
		sh.retry = sh.pool.s.loop.After(sh.pause, sh.probe)
	} else {
		sh.retry.Reset(sh.pause)
	}
}

// probe tries a shard that is down.
func (sh *shard) probe() {
	if !sh.retired && sh.down && sh.shared[0] == nil {
		sh.shared[0] = sh.dial(2)
		sh.shared[0].pinging(sh.pool.timeout)
	}
}

// alive says that a PING was answered.
func (sh *shard) alive() {
	sh.missed = 0
	if !sh.down {
		return
	}
	sh.good++
	if check := sh.pool.check; check != nil && sh.good < check.Healthy && sh.shared[0] != nil {
		sh.shared[0].pinging(sh.pool.timeout)
		return
	}
	sh.down, sh.failures, sh.pause = false, 0, 0
	sh.pool.change(sh, false)
}

// ping asks an idle shard.
func (sh *shard) ping() {
	b := sh.shared[0]
	if b == nil {
		b = sh.dial(2)
		sh.shared[0] = b
	}
	if b.waiting() == 0 {
		b.pinging(sh.pool.check.Timeout.Or(time.Second))
	}
}

// unchecked says that a check was not answered.
func (sh *shard) unchecked(cause error) {
	most := 2
	if check := sh.pool.check; check != nil && check.Unhealthy > 0 {
		most = check.Unhealthy
	}
	if sh.missed++; sh.missed >= most && !sh.down {
		sh.reason = cause
		sh.goDown(true)
	}
}

// retire ends sh: its connections close once what is in flight is answered.
func (sh *shard) retire() {
	sh.retired = true
	if sh.retry != nil {
		sh.retry.Stop()
	}
	for _, b := range sh.spare {
		b.conn.Close(nil)
	}
	sh.spare = nil
	for _, b := range sh.shared {
		if b != nil {
			b.closeWhenIdle()
		}
	}
}
