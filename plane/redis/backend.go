package redis

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"nagi.dev/plane/loop"
)

// A kind is what is done with a reply.
type kind uint8

const (
	plain   kind = iota // to the client, as it is
	part                // into a merge
	scanned             // to the client, with another cursor
	swallow             // must be no error; nobody sees it
	greeted             // of the login: an error ends the connection
	checked             // of a PING by the proxy
	ended               // like plain, and the connection is free after it
	patient             // like ended, and it may take for ever
)

// A ref says who waits for the next reply of a backend.
type ref struct {
	c     *client // nil: nobody but the proxy
	m     *merge
	at    time.Duration // when it was sent
	seq   uint32
	part  uint16
	kind  kind
	class class
}

// A backend is one connection to a shard. Replies come in the order of requests.
type backend struct {
	sh      *shard
	s       *Service
	conn    *loop.Conn
	owner   *client // nil: all clients share it
	proto   uint8
	sub     bool // in subscriber mode: everything goes to the owner
	opened  bool
	lost    bool // the reply at the head is too long; it is thrown away
	timeout time.Duration
	timer   *loop.Timer
	q       []ref // a ring; its length is a power of two
	head    uint32
	tail    uint32
	scan    scanner
}

func (b *backend) waiting() int { return int(b.tail - b.head) }

// send writes a request whose reply r waits for.
func (b *backend) send(raw []byte, r ref) {
	b.push(r)
	b.conn.Write(raw)
}

// push says who waits for the reply to what is written next.
func (b *backend) push(r ref) {
	if b.tail-b.head == uint32(len(b.q)) {
		b.growQueue()
	}
	r.at += b.s.loop.Now()
	b.q[b.tail&uint32(len(b.q)-1)] = r
	b.tail++
	b.sh.requests++
	if b.timer == nil {
		b.timer = b.s.loop.After(b.timeout, b.overdue)
	} else if !b.timer.Running() {
		b.timer.Reset(b.timeout)
	}
}

func (b *backend) growQueue() {
	q := make([]ref, max(16, 2*len(b.q)))
	for i := b.head; i != b.tail; i++ {
		q[i&uint32(len(q)-1)] = b.q[i&uint32(len(b.q)-1)]
	}
	b.q = q
}

func (b *backend) pop() ref {
	at := b.head & uint32(len(b.q)-1)
	r := b.q[at]
	b.q[at].c, b.q[at].m = nil, nil
	if b.head++; b.head == b.tail && len(b.q) > 4096 {
		b.q = nil
	}
	return r
}

// overdue looks whether the oldest request has waited too long. All requests of
// a connection have the same patience, so no other can be overdue before it.
func (b *backend) overdue() {
	if b.head == b.tail {
		return
	}
	r := &b.q[b.head&uint32(len(b.q)-1)]
	if r.kind == patient {
		b.timer.Reset(b.timeout)
		return
	}
	left := r.at + b.timeout - b.s.loop.Now()
	if left > 0 {
		b.timer.Reset(left)
		return
	}
	b.sh.timeouts++
	b.conn.Close(fmt.Errorf("no reply in %s", b.timeout))
}

// greet sends what a connection begins with.
func (b *backend) greet() {
	p := b.sh.pool
	hello := ref{kind: greeted}
	var login [][]byte
	if p.password != "" {
		login = append(login, []byte(p.password))
		if p.username != "" {
			login = append([][]byte{[]byte(p.username)}, login...)
		}
	}
	if len(login) > 0 {
		b.send(encode(nil, append([][]byte{[]byte("AUTH")}, login...)...), hello)
	}
	if b.proto == 3 {
		b.send([]byte("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"), hello)
	}
	if p.database != 0 {
		b.send(encode(nil, []byte("SELECT"), strconv.AppendInt(nil, int64(p.database), 10)), hello)
	}
}

// pinging asks whether the shard lives, with a patience of its own.
func (b *backend) pinging(patience time.Duration) {
	early := min(patience, b.timeout) - b.timeout // its time began earlier, so to speak
	b.send([]byte("*1\r\n$4\r\nPING\r\n"), ref{kind: checked, at: early})
	b.timer.Reset(min(patience, b.timeout))
}

// Open is called when the shard has taken the connection.
func (b *backend) Open(*loop.Conn) { b.opened = true }

// Data takes replies.
func (b *backend) Data(c *loop.Conn, p []byte) (done int) {
	for done < len(p) && !c.Closed() {
		if b.lost {
			n, end, err := b.scan.discard(p[done:])
			if err != nil {
				c.Close(err)
				return len(p)
			}
			done += n
			if b.lost = !end; !end {
				return done
			}
			continue
		}
		n := 0
		if b.scan.pos == 0 {
			n = simple(p[done:])
		}
		if n == 0 {
			var need int
			var err error
			if n, need, err = b.scan.scan(p[done:]); err != nil {
				c.Close(fmt.Errorf("it does not speak RESP: %w", err))
				return len(p)
			}
			if n == 0 {
				b.long(need, len(p)-done)
				if !b.lost {
					c.Need(need)
					return done
				}
				continue
			}
		}
		if n > b.s.limit {
			b.tooLong()
		} else {
			b.reply(p[done : done+n])
		}
		done += n
	}
	return done
}

// long gives up a reply that is longer than it may be: its client reads so, and
// the others that share the connection get theirs.
func (b *backend) long(need, have int) {
	if max(need, have) > b.s.limit {
		b.lost = true
		b.tooLong()
	}
}

func (b *backend) tooLong() {
	if b.head == b.tail {
		b.conn.Close(fmt.Errorf("a message of more than %d bytes", b.s.limit))
		return
	}
	r := b.pop()
	b.answerError(r, b.sh.err(fmt.Errorf("a reply of more than %d bytes", b.s.limit)))
	if r.kind == ended || r.kind == patient {
		r.c.release()
	}
}

// reply hands one reply to who waits for it.
func (b *backend) reply(p []byte) {
	if b.sub && b.head == b.tail {
		b.owner.message(b, p)
		return
	}
	if p[0] == '>' {
		return // a push that nobody subscribed to
	}
	if b.head == b.tail {
		b.conn.Close(errors.New("a reply that nobody asked for"))
		return
	}
	r := b.pop()
	b.sh.failures = 0
	b.take(r, p)
	if b.sh.retired && b.head == b.tail {
		b.closeWhenIdle()
	}
}

func (b *backend) take(r ref, p []byte) {
	switch r.kind {
	case plain:
		b.s.stats.latency[r.class].Observe(b.s.loop.Now() - r.at)
		if !r.c.gone {
			r.c.complete(r.seq, p)
		}
	case part:
		b.s.stats.latency[r.class].Observe(b.s.loop.Now() - r.at)
		r.m.add(int(r.part), p)
	case scanned:
		if !r.c.gone {
			r.c.complete(r.seq, nextCursor(p, int(r.part), len(b.sh.pool.shards)))
		}
	case ended, patient:
		b.s.stats.latency[r.class].Observe(b.s.loop.Now() - r.at)
		if !r.c.gone {
			r.c.complete(r.seq, p)
			r.c.release()
		}
	case swallow:
		if p[0] == '-' {
			b.conn.Close(errors.New(line(p)))
		}
	case greeted:
		if p[0] == '-' {
			b.conn.Close(fmt.Errorf("login: %s", line(p)))
		}
	case checked:
		if p[0] == '-' && string(p[:min(len(p), 8)]) == "-LOADING" {
			b.conn.Close(errors.New(line(p)))
			return
		}
		b.sh.alive()
	}
}

// line is an error reply without its ends.
func line(p []byte) string { return string(p[1 : len(p)-2]) }

// EOF ends a connection that the shard ended.
func (b *backend) EOF(c *loop.Conn) { c.Close(io.EOF) }

// Drained is of no interest: clients are bounded, not backends.
func (*backend) Drained(*loop.Conn) {}

// Closed tells everybody who waits.
func (b *backend) Closed(_ *loop.Conn, err error) {
	if b.timer != nil {
		b.timer.Stop()
	}
	sh := b.sh
	sh.conns--
	for i := range sh.shared {
		if sh.shared[i] == b {
			sh.shared[i] = nil
		}
	}
	for i := range sh.spare {
		if sh.spare[i] == b {
			sh.spare = append(sh.spare[:i], sh.spare[i+1:]...)
			break
		}
	}
	cause := reason(err)
	// A shard may close what is idle; that is no failure of it.
	if failed := b.waiting() > 0 || !b.opened; failed && err != nil && !errors.Is(err, loop.ErrStopped) && (b.owner == nil || !b.owner.gone) {
		if b.head != b.tail && b.q[b.head&uint32(len(b.q)-1)].kind == checked {
			sh.unchecked(cause)
		}
		sh.failure(cause, b.opened && !b.greeting())
	}
	for b.head != b.tail {
		b.answerError(b.pop(), sh.err(cause))
	}
	if b.owner != nil {
		b.owner.bereft(sh.err(cause))
	}
}

// greeting says whether the login has not been answered yet.
func (b *backend) greeting() bool {
	return b.head != b.tail && b.q[b.head&uint32(len(b.q)-1)].kind == greeted
}

// reason is an error in words that a person knows.
func reason(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no connection in time")
	}
	return err
}

func (b *backend) answerError(r ref, err error) {
	switch {
	case r.m != nil:
		r.m.fail(err)
	case r.c != nil && !r.c.gone && r.kind != swallow:
		b.s.stats.failed[r.class]++
		r.c.complete(r.seq, errorReply(err))
	}
}

// closeWhenIdle closes b once everybody has its reply.
func (b *backend) closeWhenIdle() {
	if b.head == b.tail {
		b.conn.Close(nil)
	}
}
