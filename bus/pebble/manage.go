package pebble

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"nagi.dev/bus"
)

// Configure is bus.Log's.
func (l *Log) Configure(ctx context.Context, name string, c bus.Config) error {
	done, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := c.Validate(); err != nil {
		return fmt.Errorf("configure %s: %w", name, err)
	}
	if err := l.ensure(name); err != nil {
		return err
	}
	return l.change(func(t *txn) error {
		q := l.queues[name]
		t.setQueue(q, c)
		q.config = c.WithDefaults()
		if c.Stream || c.Retain > 0 {
			q.keeps = 1
		}
		t.changes(q, 1) // it may be no longer paused
		return nil
	})
}

// ensure makes a queue that is not there.
func (l *Log) ensure(name string) error {
	l.mu.Lock()
	there := l.queues[name] != nil
	l.mu.Unlock()
	if there {
		return nil
	}
	if err := bus.CheckName(name); err != nil {
		return err
	}
	return l.change(func(t *txn) error {
		if l.queues[name] != nil {
			return nil
		}
		q := newQueue(name, l.nextQueue, bus.Config{})
		l.queues[name] = q
		l.nextQueue++
		t.set([]byte{kindMeta}, encodeMeta(l.mark, l.nextQueue))
		t.setQueue(q, bus.Config{})
		t.changes(q, 0)
		return nil
	})
}

func (t *txn) setQueue(q *queue, c bus.Config) {
	b, err := json.Marshal(c)
	t.note(err)
	t.set(queueKey(q.name), append(uvarint(uint64(q.id)), b...))
}

// Queues is bus.Log's.
func (l *Log) Queues(ctx context.Context) ([]string, error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.queues)), nil
}

// Count is bus.Log's.
func (l *Log) Count(ctx context.Context, name string) (bus.Counts, error) {
	done, err := l.begin(ctx)
	if err != nil {
		return bus.Counts{}, err
	}
	defer done()
	l.mu.Lock()
	defer l.mu.Unlock()
	q, err := l.find(name)
	if err != nil {
		return bus.Counts{}, err
	}
	err = l.settleDue(q)
	return q.Counts, err
}
