package pebble

import (
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"nagi.dev/bus"
)

// mostDue bounds what time does to a queue in one change; the rest is done by
// the next call.
const mostDue = 1000

// settleDue does what the clock does to a queue: leases run out, delays end.
// It is not synced: after a power cut the clock does it again. l.mu is held.
func (l *Log) settleDue(q *queue) error {
	if q.wake() > l.now().UnixNano() {
		return nil
	}
	t, err := l.apply(pebble.NoSync, func(t *txn) error {
		ready, err := t.endDelays(q)
		if err != nil {
			return damage("look for due items of "+q.name, err)
		}
		for range mostDue {
			n, held := q.ranOut(t.now)
			if held == nil {
				break
			}
			v := bus.Expired(n, held.token, held.owner)
			ready += t.conclude(q, v, held)
		}
		t.changes(q, ready)
		return nil
	})
	if err != nil {
		return err
	}
	if err := t.wait(pebble.NoSync); err != nil {
		return err
	}
	t.publish(false)
	return nil
}

// endDelays makes items ready whose delay is over.
func (t *txn) endDelays(q *queue) (ready int, err error) {
	now := t.now / 1e6
	if q.nextDue > now {
		return 0, nil
	}
	found, err := t.l.delayed(q, now)
	if err != nil {
		return 0, err
	}
	for _, d := range found {
		t.delete(dueKey(q.id, d.due, d.n))
		t.delete(numbered(kindPlace, q.id, d.n))
		q.Delayed--
		t.makeReady(q, d.n, d.priority, d.attempt)
	}
	return len(found), nil
}

// waiting is a delayed item.
type waiting struct {
	n        uint64
	due      int64 // ms
	priority int8
	attempt  int
}

// delayed finds items that are due, and sets when the next one will be.
func (l *Log) delayed(q *queue, now int64) (found []waiting, err error) {
	it, err := l.db.NewIter(between(dueKey(q.id, max(q.nextDue, 0), 0), prefixed(kindDue, q.id+1, 0)))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	next := int64(math.MaxInt64)
	for ok := it.First(); ok; ok = it.Next() {
		w := waiting{n: number(it.Key()), due: due(it.Key())}
		if w.due > now || len(found) == mostDue {
			next = w.due
			break
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		r := reader{b: v}
		w.attempt = int(r.uvarint())
		kept, err := l.item(q, w.n)
		if err != nil {
			return nil, err
		}
		w.priority = kept.Priority
		found = append(found, w)
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	q.nextDue = next
	return found, nil
}

// conclude does what a verdict says with a lease that holds, and returns how
// many items became ready.
func (t *txn) conclude(q *queue, v bus.Verdict, held *lease) (ready int) {
	o := q.config.Decide(v, held.attempt, time.Unix(0, t.now))
	if !o.Until.IsZero() {
		next := *held
		next.until = o.Until.UnixNano()
		t.set(numbered(kindLease, q.id, v.Number), next.encode())
		q.hold(v.Number, &next)
		return 0
	}
	t.endLease(q, v.Number)
	if v.Act == bus.Again {
		q.Failed++
	}
	switch {
	case o.Gone:
		t.complete(q, v, held)
	case o.Dead:
		limit := q.config.MaxResult
		d := death{at: t.now / 1e6, attempt: o.Attempt, reason: o.Reason, tail: bus.End(v.Tail, limit)}
		t.set(numbered(kindDead, q.id, v.Number), d.encode())
		q.Dead++
	case o.Ready.UnixNano() > t.now:
		t.delay(q, v.Number, o.Attempt, o.Ready.UnixNano())
	default:
		t.makeReady(q, v.Number, held.priority, o.Attempt)
		ready = 1
	}
	return ready
}

func (t *txn) endLease(q *queue, n uint64) {
	t.delete(numbered(kindLease, q.id, n))
	delete(q.leases, n)
	q.Leased--
}

// complete records the one completion of an item.
func (t *txn) complete(q *queue, v bus.Verdict, held *lease) {
	q.Completed++
	if keep := q.config.KeepResults; keep > 0 {
		t.set(numbered(kindResult, q.id, q.Completed), encodeResult(bus.Result{
			Number: v.Number, Token: v.Token, ID: held.id, Owner: held.owner,
			Attempt: held.attempt, At: time.Unix(0, t.now), Result: v.Result,
		}))
		q.recent.add(v.Number, v.Token, keep)
	}
	if q.config.Retain == 0 || v.Number < q.low {
		t.drop(q, v.Number, held.size)
	}
}
