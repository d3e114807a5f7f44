package pebble

import (
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"nagi.dev/bus"
)

// mostBytes bounds the bytes that one call gives back; one item always fits.
const mostBytes = bus.HighestItem

// Lease is bus.Log's.
func (l *Log) Lease(ctx context.Context, name string, w bus.Want) ([]bus.Item, error) {
	w.Most = max(w.Most, 1)
	patience := time.NewTimer(max(w.Wait, 0))
	defer patience.Stop()
	for {
		items, line, err := l.lease(ctx, name, w)
		if err != nil || len(items) > 0 || w.Wait <= 0 {
			return items, err
		}
		again, err := line.wait(ctx, patience.C)
		if err != nil || !again {
			return nil, err
		}
	}
}

// lease hands out what is there. If nothing is and the caller waits, it gets
// a place in the line, taken before anybody else could append.
func (l *Log) lease(ctx context.Context, name string, w bus.Want) (items []bus.Item, place *place, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	l.mu.Lock()
	defer l.mu.Unlock()
	q, err := l.find(name)
	if err != nil {
		return nil, nil, err
	}
	if q.config.Stream {
		return nil, nil, fmt.Errorf("lease from %s: it is a stream, read it: %w", name, bus.ErrInvalid)
	}
	if err := l.settleDue(q); err != nil {
		return nil, nil, err
	}
	if w.Most = min(w.Most, q.config.MaxLeased-len(q.leases)); w.Most > 0 && !q.config.Paused && q.Ready > 0 {
		items, err = l.take(q, w)
	}
	if err == nil && len(items) == 0 && w.Wait > 0 {
		return nil, l.line(q), nil
	}
	return items, nil, err
}

// take writes leases on the first ready items. It is not synced: see the
// design. l.mu is held.
func (l *Log) take(q *queue, w bus.Want) (items []bus.Item, err error) {
	t, err := l.apply(pebble.NoSync, func(t *txn) error {
		c := &course{t: t, q: q}
		defer c.close()
		for bytes := 0; len(items) < w.Most && bytes < mostBytes; {
			it, ok, err := c.next()
			if err != nil && len(items) == 0 {
				return damage("lease from "+q.name, err)
			}
			if !ok || err != nil {
				break // the next call meets the error first
			}
			if err := t.lend(q, &it, w); err != nil {
				return err
			}
			items = append(items, it)
			bytes += len(it.Body)
		}
		if len(items) > 0 || c.moved {
			t.changes(q, 0)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, t.wait(pebble.NoSync)
}

// lend gives an item a lease. c.next has taken it out of what is ready.
func (t *txn) lend(q *queue, it *bus.Item, w bus.Want) (err error) {
	if it.Token, err = t.l.nextToken(); err != nil {
		return err
	}
	it.Attempt++
	it.Owner = w.Owner
	until := t.now + int64(q.config.LeaseFor(w.For))
	it.Until = time.Unix(0, until).UTC()
	held := &lease{it.Token, it.Attempt, until, it.Priority, len(it.Body), it.ID, w.Owner}
	t.set(numbered(kindLease, q.id, it.Number), held.encode())
	q.hold(it.Number, held)
	q.Leased++
	return nil
}

// A place is where a caller stands in the line for an item.
type place struct {
	l     *Log
	q     *queue
	woken chan struct{}
	until time.Duration // until something changes by itself
}

func (l *Log) line(q *queue) *place {
	until := time.Duration(q.wake() - l.now().UnixNano())
	return &place{l: l, q: q, woken: q.wait(), until: max(until, time.Millisecond)}
}

// wait says whether it is worth to look again.
func (p *place) wait(ctx context.Context, patience <-chan time.Time) (again bool, err error) {
	due := time.NewTimer(p.until)
	defer due.Stop()
	select {
	case <-p.woken:
		return true, nil
	case <-due.C:
		again = true
	case <-patience:
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.l.stopping:
		err = bus.ErrClosed
	}
	p.l.mu.Lock()
	p.q.leaveLine(p.woken)
	p.l.mu.Unlock()
	return again, err
}
