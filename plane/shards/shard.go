package shards

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

// A Shard is one endpoint. It is up, or down after failures:
//
//	up --limit failures, or no connection--> down --a PING answered--> up
//
// While it is down its requests fail at once, and after each pause a connection
// with a PING tries it. Where the pool ejects, one with too many failures is
// out of the ring too.
type Shard struct {
	pool    *Pool
	index   int
	name    string
	address string
	drain   bool
	retired bool

	shared [2]*Backend // one for each version of the protocol
	spare  []*Backend  // own connections that nobody uses
	subs   map[*Backend]bool
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

func newShard(p *Pool, name, address string, drain bool) *Shard {
	return &Shard{pool: p, index: len(p.shards), name: name, address: address, drain: drain}
}

// Err is what a client reads of a failure here.
func (sh *Shard) Err(cause error) error {
	return fmt.Errorf("shard %s (%s): %w", sh.name, sh.address, cause)
}

// Backend returns the connection that all clients of a version share.
func (sh *Shard) Backend(version uint8) (*Backend, error) {
	b := sh.shared[version]
	if b == nil {
		if sh.down {
			return nil, sh.Err(fmt.Errorf("is away: %w", sh.reason))
		}
		b = sh.dial(version)
		sh.shared[version] = b
	}
	if b.conn.Pending() > queueMost {
		return nil, sh.Err(errors.New("its queue is full"))
	}
	return b, nil
}

var errConnections = errors.New("has as many connections as it may")

// Own returns a connection for one owner alone.
func (sh *Shard) Own(o Owner, version uint8) (*Backend, error) {
	for i, b := range sh.spare {
		if b.version == version {
			sh.spare = append(sh.spare[:i], sh.spare[i+1:]...)
			b.owner = o
			return b, nil
		}
	}
	if sh.down {
		return nil, sh.Err(fmt.Errorf("is away: %w", sh.reason))
	}
	if sh.conns >= sh.pool.connections {
		return nil, sh.Err(errConnections)
	}
	b := sh.dial(version)
	b.owner = o
	return b, nil
}

// GiveBack keeps a clean connection for the next client that needs one.
func (sh *Shard) GiveBack(b *Backend) {
	b.owner = nil
	if len(sh.spare) < 16 && !sh.retired && !b.conn.Closed() {
		sh.spare = append(sh.spare, b)
		return
	}
	b.conn.Close(nil)
}

func (sh *Shard) dial(version uint8) *Backend {
	b := &Backend{sh: sh, loop: sh.pool.env.Loop, version: version, scan: sh.pool.env.Language.Scanner()}
	sh.conns++
	b.conn = b.loop.Dial(sh.address, sh.pool.connect, b)
	b.greet()
	return b
}

func (sh *Shard) flying() (n int) {
	for _, b := range sh.shared {
		if b != nil {
			n += b.waiting()
		}
	}
	return n
}

// Name is what errors and figures call it.
func (sh *Shard) Name() string { return sh.name }

// Address is where the shard is.
func (sh *Shard) Address() string { return sh.address }

// Index is its place in the pool.
func (sh *Shard) Index() int { return sh.index }

// Down says whether it is away.
func (sh *Shard) Down() bool { return sh.down }

// Requests is how many it has been sent.
func (sh *Shard) Requests() uint64 { return sh.requests }

// failure counts one. connected is false when there was no connection at all.
func (sh *Shard) failure(cause error, connected bool) {
	sh.failures++
	sh.failed++
	sh.reason = cause
	limit := sh.pool.limit
	tooMany := limit > 0 && sh.failures >= limit
	if !connected || tooMany {
		sh.goDown(tooMany)
	}
}

func (sh *Shard) goDown(tooMany bool) {
	if sh.retired {
		return
	}
	if tooMany {
		sh.pool.change(sh, true)
	}
	sh.good = 0
	if sh.out {
		sh.pause = sh.pool.ejectFor
	} else {
		sh.pause = min(max(sh.pause*2, firstPause), lastPause)
	}
	sh.down = true
	if sh.retry == nil {
		sh.retry = sh.pool.env.Loop.After(sh.pause, sh.probe)
	} else {
		sh.retry.Reset(sh.pause)
	}
}

// probe tries a shard that is down.
func (sh *Shard) probe() {
	if !sh.retired && sh.down && sh.shared[0] == nil {
		sh.shared[0] = sh.dial(0)
		sh.shared[0].pinging(sh.pool.timeout)
	}
}

// alive says that a PING was answered.
func (sh *Shard) alive() {
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
func (sh *Shard) ping() {
	b := sh.shared[0]
	if b == nil {
		b = sh.dial(0)
		sh.shared[0] = b
	}
	if b.waiting() == 0 {
		b.pinging(sh.pool.check.Timeout.Or(time.Second))
	}
}

// unchecked says that a check was not answered.
func (sh *Shard) unchecked(cause error) {
	most := 2
	if check := sh.pool.check; check != nil && check.Unhealthy > 0 {
		most = check.Unhealthy
	}
	if sh.missed++; sh.missed >= most && !sh.down {
		sh.reason = cause
		sh.goDown(true)
	}
}

// EndSubscriptions closes the connections of subscribers, which would wait here
// for messages that go another way now.
func (sh *Shard) EndSubscriptions() {
	for b := range sh.subs {
		b.conn.Close(errors.New("messages go another way now"))
	}
}

// retire ends sh: its connections close once what is in flight is answered.
func (sh *Shard) retire() {
	sh.retired = true
	sh.EndSubscriptions()
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
