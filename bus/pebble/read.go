package pebble

import (
	"context"
	"maps"
	"slices"
	"time"

	"nagi.dev/bus"
)

// Read is bus.Log's.
func (l *Log) Read(ctx context.Context, name string, from uint64, most int) (items []bus.Item, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	l.mu.Lock()
	q, err := l.find(name)
	var id uint32
	var to []byte
	if err == nil {
		id, to = q.id, after(kindItem, q.id, q.durable)
		from = max(from, 1)
	}
	l.mu.Unlock()
	if err != nil || most <= 0 {
		return nil, err
	}
	bytes := 0
	err = l.scan(numbered(kindItem, id, from), to, func(k, v []byte) error {
		if len(items) == most || bytes >= mostBytes {
			return errStop
		}
		it, err := decodeItem(v)
		bytes += len(it.body)
		items = append(items, it.public(number(k)))
		return err
	})
	return items, err
}

// Results is bus.Log's.
func (l *Log) Results(ctx context.Context, name string, from uint64, most int) (results []bus.Result, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	l.mu.Lock()
	defer l.mu.Unlock()
	q, err := l.find(name)
	if err != nil {
		return nil, err
	}
	if q.config.KeepResults < 0 {
		return nil, nil
	}
	bytes := 0
	err = l.scan(numbered(kindResult, q.id, max(from, q.firstResult())), after(kindResult, q.id, q.completed), func(k, v []byte) error {
		if len(results) >= most || bytes >= mostBytes {
			return errStop
		}
		r, err := decodeResult(number(k), v)
		results = append(results, r)
		bytes += len(r.Result)
		return err
	})
	return results, err
}

// peekAtOnce is how many items Peek looks at before it lets others go on.
const peekAtOnce = 1000

// Peek is bus.Log's.
func (l *Log) Peek(ctx context.Context, name string, s bus.State, from uint64, most int) (items []bus.Item, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	bytes := 0
	for next := max(from, 1); next != ever && len(items) < most && bytes < mostBytes; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var more []bus.Item
		if more, next, err = l.peek(name, s, next); err != nil {
			return nil, err
		}
		for _, it := range more[:min(len(more), most-len(items))] {
			items = append(items, it)
			bytes += len(it.Body)
		}
	}
	return items, nil
}

// peek looks at the next few items, and says where to go on.
func (l *Log) peek(name string, s bus.State, from uint64) (items []bus.Item, next uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, err := l.find(name)
	if err == nil {
		err = l.settleDue(q)
	}
	if err != nil {
		return nil, 0, err
	}
	numbers, next, err := l.candidates(q, s, from)
	if err != nil {
		return nil, 0, err
	}
	found, err := l.stand(q, numbers)
	if err != nil {
		return nil, 0, err
	}
	for _, x := range found {
		if x.live && x.state == s && x.n <= q.durable {
			it, err := l.show(q, x)
			if err != nil {
				return nil, 0, damage("look at an item of "+name, err)
			}
			items = append(items, it)
		}
	}
	return items, next, nil
}

// candidates are numbers of items that may have a state.
func (l *Log) candidates(q *queue, s bus.State, from uint64) (numbers []uint64, next uint64, err error) {
	if s == bus.Leased {
		for _, n := range slices.Sorted(maps.Keys(q.leases)) {
			if n >= from {
				numbers = append(numbers, n)
			}
		}
		return numbers, ever, nil
	}
	kind := map[bus.State]byte{bus.Ready: kindItem, bus.Delayed: kindPlace, bus.Dead: kindDead}[s]
	next = ever
	err = l.scan(numbered(kind, q.id, from), prefixed(kind, q.id+1, 0), func(k, _ []byte) error {
		if len(numbers) == peekAtOnce {
			next = number(k)
			return errStop
		}
		numbers = append(numbers, number(k))
		return nil
	})
	return numbers, next, err
}

// show is an item with all that its state adds.
func (l *Log) show(q *queue, s standing) (bus.Item, error) {
	it := s.item.public(s.n)
	switch s.state {
	case bus.Leased:
		held := q.leases[s.n]
		it.Attempt, it.Token, it.Owner, it.Until = held.attempt, held.token, held.owner, time.Unix(0, held.until).UTC()
	case bus.Delayed:
		it.Until = time.UnixMilli(s.due).UTC()
	case bus.Dead:
		v, err := l.get(numbered(kindDead, q.id, s.n))
		if err != nil {
			return it, err
		}
		d, err := decodeDeath(v)
		if err != nil {
			return it, err
		}
		it.Attempt, it.Reason, it.Tail = d.attempt, d.reason, d.tail
	}
	return it, nil
}
