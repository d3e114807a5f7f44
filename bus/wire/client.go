package wire

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"nagi.dev/bus"
)

// ErrLost is the answer to a call whose connection ended before it was
// answered: what it asked for may have been done or not. An append whose
// entries have IDs, and a verdict, can be sent again.
var ErrLost = errors.New("the connection to the log was lost")

// A Client is a bus.Log at another place. All callers share one connection,
// which is made when it is needed, and made anew after it was lost.
type Client struct {
	dial func(context.Context) (net.Conn, error)

	mu     sync.Mutex // guards what follows
	link   *link
	closed bool
}

var _ bus.Log = (*Client)(nil)

// NewClient returns a client of the server at a TCP address.
func NewClient(addr string) *Client {
	return NewClientFunc(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	})
}

// NewClientFunc returns a client that reaches its server by dial.
func NewClientFunc(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{dial: dial}
}

// connect returns the connection.
func (c *Client) connect(ctx context.Context) (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, bus.ErrClosed
	}
	if c.link != nil && !c.link.ended() {
		return c.link, nil
	}
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the log: %w", err)
	}
	c.link = newLink(nc)
	return c.link, nil
}

// Close ends the connection. Calls under way get ErrLost.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.link == nil {
		return nil
	}
	return c.link.close()
}

// A Pending is a call that was sent and not yet waited for.
type Pending struct {
	k       *link
	request uint32
	answer  chan answer
	queue   string // of a lease
}

// send begins a call.
func (c *Client) send(ctx context.Context, kind byte, payload func([]byte) []byte) (*Pending, error) {
	k, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return k.send(ctx, kind, payload)
}

// wait returns the payload of the answer.
func (p *Pending) wait(ctx context.Context) (*reader, error) {
	select {
	case a := <-p.answer:
		return &reader{b: a.payload}, a.err
	case <-ctx.Done():
		p.k.forget(p)
		return nil, ctx.Err()
	}
}

// call does both.
func (c *Client) call(ctx context.Context, kind byte, payload func([]byte) []byte) (*reader, error) {
	p, err := c.send(ctx, kind, payload)
	if err != nil {
		return nil, err
	}
	return p.wait(ctx)
}

// do is call for an answer that is nothing.
func (c *Client) do(ctx context.Context, kind byte, payload func([]byte) []byte) error {
	r, err := c.call(ctx, kind, payload)
	if err != nil {
		return err
	}
	return r.done()
}

// Configure is bus.Log's.
func (c *Client) Configure(ctx context.Context, queue string, config bus.Config) error {
	text, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("configure %s: %w", queue, err)
	}
	return c.do(ctx, kindConfigure, func(b []byte) []byte { return appendText(appendText(b, queue), text) })
}

// Append is bus.Log's.
func (c *Client) Append(ctx context.Context, queue string, entries []bus.Entry) ([]uint64, error) {
	p, err := c.AppendSoon(ctx, queue, entries)
	if err != nil {
		return nil, err
	}
	return p.Numbers(ctx)
}

// AppendSoon sends entries and does not wait until they are kept: Numbers
// does. Calls of one goroutine keep their order.
func (c *Client) AppendSoon(ctx context.Context, queue string, entries []bus.Entry) (*Pending, error) {
	return c.send(ctx, kindAppend, func(b []byte) []byte { return appendEntries(appendText(b, queue), entries) })
}

// Numbers waits until the entries are durable and returns their numbers.
func (p *Pending) Numbers(ctx context.Context) ([]uint64, error) {
	r, err := p.wait(ctx)
	if err != nil {
		return nil, err
	}
	numbers := r.numbers()
	return numbers, r.done()
}

// Lease is bus.Log's. Items that come after ctx ended are given back.
func (c *Client) Lease(ctx context.Context, queue string, w bus.Want) ([]bus.Item, error) {
	p, err := c.send(ctx, kindLease, func(b []byte) []byte { return appendWant(appendText(b, queue), w) })
	if err != nil {
		return nil, err
	}
	p.queue = queue
	r, err := p.wait(ctx)
	if err != nil {
		if ctx.Err() != nil {
			go c.giveBack(p)
		}
		return nil, err
	}
	items := r.items()
	return items, r.done()
}

// giveBack releases what a forgotten lease brings all the same.
func (c *Client) giveBack(p *Pending) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case a := <-p.answer:
		var back []bus.Verdict
		r := reader{b: a.payload}
		for _, it := range r.items() {
			back = append(back, bus.Verdict{Number: it.Number, Token: it.Token, Act: bus.Release})
		}
		if a.err == nil && len(back) > 0 {
			_, _ = c.Settle(ctx, p.queue, back) // else the leases run out
		}
	case <-ctx.Done():
	}
}

// Settle is bus.Log's.
func (c *Client) Settle(ctx context.Context, queue string, verdicts []bus.Verdict) ([]error, error) {
	r, err := c.call(ctx, kindSettle, func(b []byte) []byte { return appendVerdicts(appendText(b, queue), verdicts) })
	if err != nil {
		return nil, err
	}
	errs := r.errors()
	if err := r.done(); err != nil {
		return nil, err
	}
	if len(errs) != len(verdicts) {
		return nil, fmt.Errorf("%d answers to %d verdicts: %w", len(errs), len(verdicts), errFrame)
	}
	return errs, nil
}

// Cancel is bus.Log's.
func (c *Client) Cancel(ctx context.Context, queue string, numbers []uint64) (int, error) {
	return c.numbers(ctx, kindCancel, queue, numbers)
}

// Retry is bus.Log's.
func (c *Client) Retry(ctx context.Context, queue string, numbers []uint64) (int, error) {
	return c.numbers(ctx, kindRetry, queue, numbers)
}

func (c *Client) numbers(ctx context.Context, kind byte, queue string, numbers []uint64) (int, error) {
	r, err := c.call(ctx, kind, func(b []byte) []byte { return appendNumbers(appendText(b, queue), numbers) })
	if err != nil {
		return 0, err
	}
	if n := r.numbers(); len(n) == 1 {
		return int(n[0]), r.done()
	}
	return 0, errFrame
}

// look sends a request for things from a number on.
func (c *Client) look(ctx context.Context, kind byte, queue string, s bus.State, from uint64, most int) (*reader, error) {
	return c.call(ctx, kind, func(b []byte) []byte {
		b = binary.AppendUvarint(append(appendText(b, queue), byte(s)), from)
		return binary.AppendUvarint(b, uint64(max(most, 0)))
	})
}

// Read is bus.Log's.
func (c *Client) Read(ctx context.Context, queue string, from uint64, most int) ([]bus.Item, error) {
	r, err := c.look(ctx, kindRead, queue, 0, from, most)
	if err != nil {
		return nil, err
	}
	items := r.items()
	return items, r.done()
}

// Peek is bus.Log's.
func (c *Client) Peek(ctx context.Context, queue string, s bus.State, from uint64, most int) ([]bus.Item, error) {
	r, err := c.look(ctx, kindPeek, queue, s, from, most)
	if err != nil {
		return nil, err
	}
	items := r.items()
	return items, r.done()
}

// Results is bus.Log's.
func (c *Client) Results(ctx context.Context, queue string, from uint64, most int) ([]bus.Result, error) {
	r, err := c.look(ctx, kindResults, queue, 0, from, most)
	if err != nil {
		return nil, err
	}
	results := r.results()
	return results, r.done()
}

// Count is bus.Log's.
func (c *Client) Count(ctx context.Context, queue string) (bus.Counts, error) {
	r, err := c.call(ctx, kindCount, func(b []byte) []byte { return appendText(b, queue) })
	if err != nil {
		return bus.Counts{}, err
	}
	counts := r.counts()
	return counts, r.done()
}

// Truncate is bus.Log's.
func (c *Client) Truncate(ctx context.Context, queue string, before uint64) error {
	return c.do(ctx, kindTruncate, func(b []byte) []byte { return binary.AppendUvarint(appendText(b, queue), before) })
}

// Queues is bus.Log's.
func (c *Client) Queues(ctx context.Context) (names []string, err error) {
	r, err := c.call(ctx, kindQueues, func(b []byte) []byte { return b })
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(r.b, &names); err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	return names, nil
}
