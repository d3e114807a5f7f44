package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"nagi.dev/bus"
)

// A call is a request that was decoded. It appends its answer to a frame.
type call struct {
	quick func(context.Context, bus.Log, []byte) ([]byte, error) // never waits; nil: there is no such way
	full  func(context.Context, bus.Log, []byte) ([]byte, error)
}

// errLater means that a quick call has nothing yet.
var errLater = errors.New("later")

// decodeCall takes a request apart. What it keeps is its own: the frame's
// memory is used again.
func decodeCall(r *reader, kind byte) (call, error) {
	c, err := decodeKind(r, kind)
	if err == nil {
		err = r.done()
	}
	return c, err
}

func decodeKind(r *reader, kind byte) (c call, err error) {
	if kind == kindQueues {
		c.full = func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
			names, err := log.Queues(ctx)
			text, jerr := json.Marshal(names)
			return append(b, text...), errors.Join(err, jerr)
		}
		return c, nil
	}
	queue := r.text()
	switch kind {
	case kindLease:
		return leaseCall(queue, r.want()), nil
	case kindCount:
		c.quick = func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
			counts, err := log.Count(ctx, queue)
			return appendCounts(b, counts), err
		}
	case kindConfigure:
		var config bus.Config
		if err := json.Unmarshal(r.bytes(), &config); err != nil {
			return c, fmt.Errorf("%w: %w", errFrame, err)
		}
		c.full = func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
			return b, log.Configure(ctx, queue, config)
		}
	case kindTruncate:
		before := r.uvarint()
		c.full = func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
			return b, log.Truncate(ctx, queue, before)
		}
	case kindCancel, kindRetry:
		c.full = numbersCall(kind, queue, r.numbers())
	case kindRead, kindPeek, kindResults:
		c.full = lookCall(kind, queue, bus.State(r.byte()), r.uvarint(), int(min(r.uvarint(), 1<<30)))
	default:
		return c, fmt.Errorf("kind %d: %w", kind, errFrame)
	}
	return c, nil
}

// leaseCall looks first without waiting.
func leaseCall(queue string, w bus.Want) call {
	lease := func(w bus.Want) func(context.Context, bus.Log, []byte) ([]byte, error) {
		return func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
			items, err := log.Lease(ctx, queue, w)
			return appendItems(b, items), err
		}
	}
	now := w
	now.Wait = 0
	return call{full: lease(w), quick: func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
		items, err := log.Lease(ctx, queue, now)
		if err == nil && len(items) == 0 && w.Wait > 0 {
			return nil, errLater
		}
		return appendItems(b, items), err
	}}
}

func numbersCall(kind byte, queue string, numbers []uint64) func(context.Context, bus.Log, []byte) ([]byte, error) {
	return func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
		do := log.Cancel
		if kind == kindRetry {
			do = log.Retry
		}
		n, err := do(ctx, queue, numbers)
		return appendNumbers(b, []uint64{uint64(n)}), err
	}
}

func lookCall(kind byte, queue string, s bus.State, from uint64, most int) func(context.Context, bus.Log, []byte) ([]byte, error) {
	return func(ctx context.Context, log bus.Log, b []byte) ([]byte, error) {
		switch kind {
		case kindRead:
			items, err := log.Read(ctx, queue, from, most)
			return appendItems(b, items), err
		case kindPeek:
			items, err := log.Peek(ctx, queue, s, from, most)
			return appendItems(b, items), err
		}
		results, err := log.Results(ctx, queue, from, most)
		return appendResults(b, results), err
	}
}
