package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"nagi.dev/bus"
)

// bufferSize is what is read at once: all whole frames in it are one batch.
const bufferSize = 128 << 10

// A conn is one client. Appends and verdicts that came in together are given
// to the log together, in their order; the loop waits for the disk meanwhile,
// so the next batch gathers in the socket.
type conn struct {
	ctx context.Context
	c   net.Conn
	r   *bufio.Reader
	log bus.Log
	o   Options

	batch batch
	calls chan struct{} // seats of calls that run beside the loop
	side  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	until   time.Time  // the deadline of writes
	out     []byte     // answers that were not yet sent
	waiting map[uint32]context.CancelFunc
}

func serveConn(ctx context.Context, nc net.Conn, log bus.Log, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A connection that ends with ctx ends every read and write.
	context.AfterFunc(ctx, func() { _ = nc.Close() })
	c := &conn{
		ctx: ctx, c: nc, r: bufio.NewReaderSize(nc, bufferSize), log: log, o: o,
		calls: make(chan struct{}, o.MaxCalls), waiting: map[uint32]context.CancelFunc{},
	}
	err := c.greet()
	for err == nil {
		err = c.turn()
	}
	cancel()
	c.side.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (c *conn) greet() error {
	if err := c.c.SetReadDeadline(time.Now().Add(c.o.Slow)); err != nil {
		return err
	}
	var got [len(hello)]byte
	if _, err := io.ReadFull(c.r, got[:]); err != nil {
		return err
	}
	if string(got[:]) != hello {
		return fmt.Errorf("the client said %q first, not %s: %w", got, hello, errFrame)
	}
	return c.c.SetReadDeadline(time.Time{})
}

// turn takes all whole frames that are there, waiting for the first, and
// sends the answers.
func (c *conn) turn() error {
	for first := true; first || c.whole(); first = false {
		payload, request, kind, err := c.frame()
		if err != nil {
			return err
		}
		if err := c.handle(payload, request, kind); err != nil {
			return err
		}
	}
	c.flush()
	return c.send()
}

// whole says whether a frame can be read without waiting.
func (c *conn) whole() bool {
	if c.r.Buffered() < headerSize {
		return false
	}
	b, _ := c.r.Peek(headerSize)
	size, _, _, err := header(b)
	return err != nil || c.r.Buffered() >= headerSize+size
}

// frame reads a frame. One that fits the buffer stays there, valid until the
// next read that has to wait.
func (c *conn) frame() (payload []byte, request uint32, kind byte, err error) {
	b, err := c.r.Peek(headerSize)
	if err != nil {
		if len(b) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, 0, 0, err
	}
	size, request, kind, err := header(b)
	if err != nil {
		return nil, 0, 0, err
	}
	if headerSize+size <= bufferSize {
		if b, err = c.r.Peek(headerSize + size); err != nil {
			return nil, 0, 0, err
		}
		_, err = c.r.Discard(len(b))
		return b[headerSize:], request, kind, err
	}
	if _, err = c.r.Discard(headerSize); err == nil {
		payload, err = io.ReadAll(io.LimitReader(c.r, int64(size))) // memory for what came, not for what was said
	}
	if err == nil && len(payload) < size {
		err = io.ErrUnexpectedEOF
	}
	return payload, request, kind, err
}

// handle answers a frame, or gathers it. A frame that does not decode is an
// error.
func (c *conn) handle(payload []byte, request uint32, kind byte) error {
	r := &reader{b: payload}
	switch kind {
	case kindAppend, kindSettle:
		return c.gather(r, request, kind)
	case kindForget:
		c.forget(uint32(r.uvarint()))
		return r.done()
	}
	c.flush() // what came before comes before
	call, err := decodeCall(r, kind)
	if err != nil {
		return err
	}
	if call.quick != nil {
		if b, ok := c.run(c.ctx, request, call.quick); ok {
			c.answer(b)
			return nil
		}
	}
	return c.beside(request, call)
}

// run makes a call and encodes its answer; ok is false when it has none yet.
func (c *conn) run(ctx context.Context, request uint32, f func(context.Context, bus.Log, []byte) ([]byte, error)) (frame []byte, ok bool) {
	b, start := open(nil, request, kindOK)
	b, err := f(ctx, c.log, b)
	if errors.Is(err, errLater) {
		return nil, false
	}
	if err != nil {
		b, start = open(nil, request, kindError)
		b = appendError(b, err)
	}
	return shut(b, start), true
}

// beside makes a call that waits or takes long without holding the others up.
func (c *conn) beside(request uint32, call call) error {
	select {
	case c.calls <- struct{}{}:
	default:
		b, start := open(nil, request, kindError)
		c.answer(shut(appendError(b, fmt.Errorf("%d calls of this connection are under way: %w", c.o.MaxCalls, bus.ErrFull)), start))
		return nil
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.mu.Lock()
	c.waiting[request] = cancel
	c.mu.Unlock()
	c.side.Go(func() {
		defer func() { <-c.calls }()
		b, _ := c.run(ctx, request, call.full)
		c.forget(request)
		c.answer(b)
		if err := c.send(); err != nil {
			_ = c.c.Close() // the loop ends by that
		}
	})
	return nil
}

func (c *conn) forget(request uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.waiting[request]; cancel != nil {
		cancel()
		delete(c.waiting, request)
	}
}

// answer keeps a frame until the next send.
func (c *conn) answer(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, frame...)
}

// send writes all answers. A client that does not take them is cut off.
func (c *conn) send() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) == 0 {
		return nil
	}
	err := c.patience()
	if err == nil {
		_, err = c.c.Write(c.out)
	}
	c.out = c.out[:0]
	if cap(c.out) > 1<<20 {
		c.out = nil
	}
	return err
}

// patience gives the client at least Slow from now to take what is sent. A
// deadline costs a timer, so it is moved only when it comes near.
func (c *conn) patience() error {
	now := time.Now()
	if c.until.Sub(now) > c.o.Slow {
		return nil
	}
	c.until = now.Add(2 * c.o.Slow)
	return c.c.SetWriteDeadline(c.until)
}
