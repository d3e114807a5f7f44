package pebble

import (
	"time"

	"nagi.dev/bus"
)

// trim lets go of what a queue no longer has to keep: results, and bodies
// that were retained long enough. It looks at no more than most bodies. It is
// the first step of a change: what the change does itself it cannot see. What
// it cannot read it leaves, and says so.
func (t *txn) trim(q *queue, most int) {
	t.trimResults(q)
	if q.keeps > 0 && !q.config.Stream {
		t.trimBodies(q, most)
	}
}

// trimResults drops results a thousand at a time: a dropped range costs more
// than what it holds. Readers never see more than KeepResults.
func (t *txn) trimResults(q *queue) {
	first := q.firstResult()
	if first >= q.results+1024 {
		t.deleteRange(numbered(kindResult, q.id, q.results), numbered(kindResult, q.id, first))
		q.results = first
	}
}

// firstResult is the first completion whose result is kept.
func (q *queue) firstResult() uint64 {
	keep := uint64(max(q.config.KeepResults, 0))
	if q.Completed <= keep {
		return max(q.results, 1)
	}
	return max(q.results, q.Completed-keep+1)
}

// forget makes room for one ID more. Those of this change stay until later.
func (t *txn) forget(q *queue, most int) {
	for ; q.ids-q.firstID >= uint64(q.config.IDWindow) && most > 0; most-- {
		key := numbered(kindIDInOrder, q.id, q.firstID)
		id, err := t.l.get(key)
		if err != nil {
			t.l.disk.log.Error("cannot forget an ID", "queue", q.name, "error", err)
		}
		if id == nil {
			return
		}
		t.delete(idKey(q.id, string(id)))
		t.delete(key)
		q.firstID++
	}
}

// trimBodies goes on from where it last ended.
func (t *txn) trimBodies(q *queue, most int) {
	err := t.l.scan(numbered(kindItem, q.id, q.low), prefixed(kindItem, q.id+1, 0), func(k, v []byte) error {
		it, err := decodeItem(v)
		if most--; err != nil || most < 0 || !q.mayGo(it, t.now) {
			return stop(err)
		}
		return t.trimBody(q, number(k), it)
	})
	if err != nil {
		t.l.disk.log.Error("cannot trim", "queue", q.name, "error", err)
	}
}

// trimBody drops one body. That of an item that is not done is passed over,
// and goes when it is done.
func (t *txn) trimBody(q *queue, n uint64, it item) error {
	if q.config.Stream {
		q.Ready--
	} else if _, _, live, err := t.l.place(q, n, it); err != nil {
		return err
	} else if live {
		q.low = n + 1
		return nil
	}
	q.low = n + 1
	t.drop(q, n, len(it.body))
	return nil
}

// mayGo says whether the oldest body is past what the queue has to keep.
func (q *queue) mayGo(it item, now int64) bool {
	c := q.config
	age := time.Duration(now - it.at*1e6)
	if c.Stream {
		return q.Ready > c.MaxItems || q.Bytes > c.MaxBytes || c.Retain > 0 && age > c.Retain
	}
	return age > c.Retain
}

// drop deletes a body.
func (t *txn) drop(q *queue, n uint64, size int) {
	t.delete(numbered(kindItem, q.id, n))
	q.Bytes -= int64(size)
}

// place finds the state of an item whose body is there; ok is false when it
// is done and only retained. attempt and due are those of a waiting item.
func (l *Log) place(q *queue, n uint64, it item) (s bus.State, at int64, ok bool, err error) {
	if q.leases[n] != nil {
		return bus.Leased, 0, true, nil
	}
	if !it.indexed && n >= q.cursor {
		return bus.Ready, 0, true, nil
	}
	if v, err := l.get(againKey(q.id, it.priority, n)); err != nil || v != nil {
		return bus.Ready, 0, true, err
	}
	if v, err := l.get(numbered(kindPlace, q.id, n)); err != nil || v != nil {
		r := reader{b: v}
		return bus.Delayed, int64(r.uint64()), true, err
	}
	v, err := l.get(numbered(kindDead, q.id, n))
	return bus.Dead, 0, v != nil, err
}
