package pebble

import (
	"context"
	"slices"

	"nagi.dev/bus"
)

// Cancel is bus.Log's.
func (l *Log) Cancel(ctx context.Context, name string, numbers []uint64) (count int, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	err = l.change(func(t *txn) error {
		q, err := l.find(name)
		if err != nil {
			return err
		}
		found, err := l.stand(q, numbers)
		if err != nil {
			return err
		}
		for _, s := range found {
			if s.live {
				t.remove(q, s)
				q.Cancelled++
				count++
			}
		}
		t.changes(q, 0)
		return nil
	})
	return count, err
}

// Retry is bus.Log's.
func (l *Log) Retry(ctx context.Context, name string, numbers []uint64) (count int, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	err = l.change(func(t *txn) error {
		q, err := l.find(name)
		if err != nil {
			return err
		}
		found, err := l.stand(q, numbers)
		if err != nil {
			return err
		}
		for _, s := range found {
			if s.live && s.state == bus.Dead {
				t.delete(numbered(kindDead, q.id, s.n))
				q.Dead--
				t.makeReady(q, s.n, s.item.priority, 0)
				count++
			}
		}
		t.changes(q, count)
		return nil
	})
	return count, err
}

// truncateAtOnce bounds one change of a truncation, and so its memory.
const truncateAtOnce = 5000

// Truncate is bus.Log's. It is one change for every few thousand items.
func (l *Log) Truncate(ctx context.Context, name string, before uint64) error {
	done, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := l.change(func(t *txn) (err error) {
			more, err = t.truncate(name, before)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) truncate(name string, before uint64) (more bool, err error) {
	q, err := t.l.find(name)
	if err != nil {
		return false, err
	}
	before = min(before, q.next)
	var numbers []uint64
	err = t.l.scan(numbered(kindItem, q.id, 0), numbered(kindItem, q.id, before), func(k, _ []byte) error {
		if len(numbers) == truncateAtOnce {
			more = true
			return errStop
		}
		numbers = append(numbers, number(k))
		return nil
	})
	if err != nil {
		return false, err
	}
	found, err := t.l.stand(q, numbers)
	if err != nil {
		return false, err
	}
	for _, s := range found {
		t.remove(q, s)
	}
	if !more {
		q.cursor = max(q.cursor, before)
	}
	t.changes(q, 0)
	return more, nil
}

// A standing is an item and its state.
type standing struct {
	n     uint64
	item  item
	state bus.State
	due   int64 // ms, of a delayed one
	live  bool  // it is not done
}

// stand finds items; those that are gone are left out.
func (l *Log) stand(q *queue, numbers []uint64) (found []standing, err error) {
	for _, n := range numbers {
		v, err := l.get(numbered(kindItem, q.id, n))
		if err == nil && v == nil {
			continue
		}
		s := standing{n: n}
		if err == nil {
			s.item, err = decodeItem(v)
		}
		if err == nil {
			s.state, s.due, s.live, err = l.place(q, n, s.item)
		}
		if err != nil {
			return nil, damage("find an item of "+q.name, err)
		}
		found = append(found, s)
	}
	return found, nil
}

// remove takes an item out, whatever its state.
func (t *txn) remove(q *queue, s standing) {
	t.drop(q, s.n, len(s.item.body))
	switch {
	case !s.live:
	case s.state == bus.Leased:
		t.endLease(q, s.n)
	case s.state == bus.Delayed:
		t.delete(dueKey(q.id, s.due, s.n))
		t.delete(numbered(kindPlace, q.id, s.n))
		q.Delayed--
	case s.state == bus.Dead:
		t.delete(numbered(kindDead, q.id, s.n))
		q.Dead--
	case !s.item.indexed && s.n >= q.cursor:
		q.Ready--
	default:
		t.delete(againKey(q.id, s.item.priority, s.n))
		q.leave(s.item.priority)
	}
}
