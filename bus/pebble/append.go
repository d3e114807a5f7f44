package pebble

import (
	"context"
	"fmt"

	"nagi.dev/bus"
)

// Append is bus.Log's.
func (l *Log) Append(ctx context.Context, name string, entries []bus.Entry) (numbers []uint64, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if len(entries) == 0 {
		return nil, nil
	}
	if err := l.disk.room(); err != nil {
		return nil, fmt.Errorf("append to %s: %w", name, err)
	}
	if err := l.ensure(name); err != nil {
		return nil, err
	}
	err = l.change(func(t *txn) error {
		q := l.queues[name]
		if err := q.config.Admit(q.Counts, entries); err != nil {
			return fmt.Errorf("append to %s: %w", name, err)
		}
		numbers, err = t.append(q, entries)
		return err
	})
	if err != nil {
		return nil, err
	}
	return numbers, nil
}

// append adds entries that were admitted.
func (t *txn) append(q *queue, entries []bus.Entry) ([]uint64, error) {
	known, err := t.known(q, entries)
	if err != nil {
		return nil, err
	}
	t.trim(q, 2*len(entries)+64)
	numbers := make([]uint64, len(entries))
	added := 0
	for i, e := range entries {
		if e.ID != "" {
			if n, ok := known[e.ID]; ok && n > 0 {
				numbers[i] = n
				continue
			}
			known[e.ID] = q.next
			t.remember(q, e.ID, q.next)
		}
		numbers[i] = q.next
		t.add(q, e)
		added++
	}
	if added > 0 {
		t.changes(q, added)
	}
	if q.config.Stream {
		t.trimBodies(q, 2*added+64)
	}
	return numbers, nil
}

// known finds the numbers of IDs that were appended before. It only reads.
func (t *txn) known(q *queue, entries []bus.Entry) (map[string]uint64, error) {
	var known map[string]uint64
	for _, e := range entries {
		if e.ID == "" {
			continue
		}
		if known == nil {
			known = map[string]uint64{}
		}
		v, err := t.l.get(idKey(q.id, e.ID))
		if err != nil {
			return nil, damage("look up ID "+e.ID, err)
		}
		if v != nil {
			r := reader{b: v}
			known[e.ID] = r.uint64()
		}
	}
	return known, nil
}

// remember keeps an ID, and forgets the oldest beyond the window.
func (t *txn) remember(q *queue, id string, n uint64) {
	t.forget(q, 2)
	t.set(idKey(q.id, id), u64(n))
	t.set(numbered(kindIDInOrder, q.id, q.ids), []byte(id))
	q.ids++
}

// add writes one item with the next number.
func (t *txn) add(q *queue, e bus.Entry) {
	n := q.next
	q.next++
	it := item{indexed: e.Priority != 0 || e.Delay > 0, priority: e.Priority, at: t.now / 1e6, id: e.ID}
	t.setItem(q, n, it, e.Body)
	q.Appended++
	q.Bytes += int64(len(e.Body))
	switch {
	case e.Delay > 0:
		t.delay(q, n, 0, t.now+int64(e.Delay))
	case it.indexed:
		t.makeReady(q, n, e.Priority, 0)
	default:
		q.Ready++
	}
}

// setItem writes head and body without joining them first.
func (t *txn) setItem(q *queue, n uint64, it item, body []byte) {
	var room [300]byte
	head := it.head(room[:0])
	op := t.b.SetDeferred(13, len(head)+len(body))
	op.Key[0] = kindItem
	put32(op.Key[1:], q.id)
	put64(op.Key[5:], n)
	copy(op.Value[copy(op.Value, head):], body)
	t.note(op.Finish())
}

// makeReady gives an item an entry in the index of what is ready.
func (t *txn) makeReady(q *queue, n uint64, priority int8, attempt int) {
	t.set(againKey(q.id, priority, n), uvarint(uint64(attempt)))
	q.enter(priority, n)
}

// delay keeps an item until a time in ns. Rounded up: never too early.
func (t *txn) delay(q *queue, n uint64, attempt int, until int64) {
	ms := (until + 999_999) / 1e6
	t.set(dueKey(q.id, ms, n), uvarint(uint64(attempt)))
	t.set(numbered(kindPlace, q.id, n), u64(uint64(ms)))
	q.Delayed++
	q.nextDue = min(q.nextDue, ms)
}
