package shards

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"nagi.dev/plane/loop"
)

// A Backend is one connection to a shard. Replies come in the order of requests.
type Backend struct {
	sh      *Shard
	loop    *loop.Loop
	conn    *loop.Conn
	owner   Owner // nil: all clients share it
	version uint8
	sub     bool // in subscriber mode: everything goes to the owner
	opened  bool
	lost    bool // the reply at the head is too long; it is thrown away
	timer   *loop.Timer
	q       []Ref // a ring; its length is a power of two
	head    uint32
	tail    uint32
	scan    Scanner
}

func (b *Backend) waiting() int { return int(b.tail - b.head) }

// Send writes a request whose reply r waits for.
func (b *Backend) Send(raw []byte, r Ref) {
	b.Push(r)
	b.conn.Write(raw)
}

// SendSilent writes a request of whose reply nobody hears, unless it is an
// error: that ends the connection.
func (b *Backend) SendSilent(raw []byte) { b.Send(raw, Ref{role: silent}) }

// Write writes what has no reply, or what Push has announced.
func (b *Backend) Write(p []byte) { b.conn.Write(p) }

// Shard is where b leads.
func (b *Backend) Shard() *Shard { return b.sh }

// Close ends b. Its owner is told nothing.
func (b *Backend) Close() {
	b.owner = nil
	b.conn.Close(nil)
}

// Pause and Resume stop reading from the shard, and go on.
func (b *Backend) Pause() { b.conn.Pause() }

// Resume reads again.
func (b *Backend) Resume() { b.conn.Resume() }

// Subscribe puts b into subscriber mode: everything that comes is a Message for
// its owner.
func (b *Backend) Subscribe() {
	b.sub = true
	if b.sh.subs == nil {
		b.sh.subs = map[*Backend]bool{}
	}
	b.sh.subs[b] = true
}

// Push says who waits for the reply to what is written next.
func (b *Backend) Push(r Ref) {
	if b.tail-b.head == uint32(len(b.q)) {
		b.growQueue()
	}
	r.At += b.loop.Now()
	b.q[b.tail&uint32(len(b.q)-1)] = r
	b.tail++
	b.sh.requests++
	if b.timer == nil {
		b.timer = b.loop.After(b.sh.pool.timeout, b.overdue)
	} else if !b.timer.Running() {
		b.timer.Reset(b.sh.pool.timeout)
	}
}

func (b *Backend) growQueue() {
	q := make([]Ref, max(16, 2*len(b.q)))
	for i := b.head; i != b.tail; i++ {
		q[i&uint32(len(q)-1)] = b.q[i&uint32(len(b.q)-1)]
	}
	b.q = q
}

func (b *Backend) pop() Ref {
	at := b.head & uint32(len(b.q)-1)
	r := b.q[at]
	b.q[at].To = nil
	if b.head++; b.head == b.tail && len(b.q) > 4096 {
		b.q = nil
	}
	return r
}

// overdue looks whether the oldest request has waited too long. All requests of
// a connection have the same patience, so no other can be overdue before it.
func (b *Backend) overdue() {
	if b.head == b.tail {
		return
	}
	r := &b.q[b.head&uint32(len(b.q)-1)]
	if r.Patient {
		b.timer.Reset(b.sh.pool.timeout)
		return
	}
	left := r.At + b.sh.pool.timeout - b.loop.Now()
	if left > 0 {
		b.timer.Reset(left)
		return
	}
	b.sh.timeouts++
	b.conn.Close(fmt.Errorf("no reply in %s", b.sh.pool.timeout))
}

// greet sends what a connection begins with.
func (b *Backend) greet() {
	for _, m := range b.sh.pool.env.Language.Login(b.sh.pool.login, b.version) {
		b.Send(m, Ref{role: login})
	}
}

// pinging asks whether the shard lives, with a patience of its own.
func (b *Backend) pinging(patience time.Duration) {
	early := min(patience, b.sh.pool.timeout) - b.sh.pool.timeout // its time began earlier, so to speak
	b.Send(b.sh.pool.env.Language.Ping(), Ref{role: ping, At: early})
	b.timer.Reset(min(patience, b.sh.pool.timeout))
}

// Open is called when the shard has taken the connection.
func (b *Backend) Open(*loop.Conn) { b.opened = true }

// Data takes replies.
func (b *Backend) Data(c *loop.Conn, p []byte) (done int) {
	for done < len(p) && !c.Closed() {
		if b.lost {
			n, end, err := b.scan.Discard(p[done:])
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
		n, need, err := b.scan.Scan(p[done:])
		if err != nil {
			c.Close(fmt.Errorf("its bytes are no reply: %w", err))
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
		if n > b.sh.pool.env.Size {
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
func (b *Backend) long(need, have int) {
	if max(need, have) > b.sh.pool.env.Size {
		b.lost = true
		b.tooLong()
	}
}

func (b *Backend) tooLong() {
	if b.head == b.tail {
		b.conn.Close(fmt.Errorf("a message of more than %d bytes", b.sh.pool.env.Size))
		return
	}
	r := b.pop()
	b.answerError(r, b.sh.Err(fmt.Errorf("a reply of more than %d bytes", b.sh.pool.env.Size)))
}

// reply hands one reply to who waits for it.
func (b *Backend) reply(p []byte) {
	if b.sub && b.head == b.tail {
		b.owner.Message(b, p)
		return
	}
	if b.sh.pool.env.Language.Push(p) {
		return // nobody subscribed to it
	}
	if b.head == b.tail {
		b.conn.Close(errors.New("a reply that nobody asked for"))
		return
	}
	r := b.pop()
	b.sh.failures = 0
	if r.role == taken {
		r.To.Take(r, p)
	} else {
		b.take(r, p)
	}
	if b.sh.retired && b.head == b.tail {
		b.closeWhenIdle()
	}
}

// take looks at a reply that no Taker gets.
func (b *Backend) take(r Ref, p []byte) {
	err := b.sh.pool.env.Language.Refused(p)
	switch {
	case err != nil && r.role == login:
		b.conn.Close(fmt.Errorf("login: %w", err))
	case err != nil:
		b.conn.Close(err)
	case r.role == ping:
		b.sh.alive()
	}
}

// EOF ends a connection that the shard ended.
func (b *Backend) EOF(c *loop.Conn) { c.Close(io.EOF) }

// Drained is of no interest: clients are bounded, not backends.
func (*Backend) Drained(*loop.Conn) {}

// Closed tells everybody who waits.
func (b *Backend) Closed(_ *loop.Conn, err error) {
	if b.timer != nil {
		b.timer.Stop()
	}
	sh := b.sh
	sh.conns--
	delete(sh.subs, b)
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
	if failed := b.waiting() > 0 || !b.opened; failed && err != nil && !errors.Is(err, loop.ErrStopped) {
		if b.head != b.tail && b.q[b.head&uint32(len(b.q)-1)].role == ping {
			sh.unchecked(cause)
		}
		sh.failure(cause, b.opened && !b.greeting())
	}
	for b.head != b.tail {
		b.answerError(b.pop(), sh.Err(cause))
	}
	if b.owner != nil {
		b.owner.Bereft(b, sh.Err(cause))
	}
}

// greeting says whether the login has not been answered yet.
func (b *Backend) greeting() bool {
	return b.head != b.tail && b.q[b.head&uint32(len(b.q)-1)].role == login
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

func (b *Backend) answerError(r Ref, err error) {
	if r.To != nil {
		r.To.Fail(r, err)
	}
}

// closeWhenIdle closes b once everybody has its reply.
func (b *Backend) closeWhenIdle() {
	if b.head == b.tail {
		b.conn.Close(nil)
	}
}
