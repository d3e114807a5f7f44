package pebble

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A txn is one change, whole or not at all, built while Log.mu is held. The
// queues in memory change with it, so nothing may be refused after the first
// change; a failed write breaks the log.
type txn struct {
	l     *Log
	b     *pebble.Batch
	now   int64 // ns
	touch []touched
	errs  []error // of the batch: it is memory only, so they are looked at once
}

// touched is a queue that a change changes.
type touched struct {
	q     *queue
	last  uint64 // the last number it has then
	done  uint64 // the last completion
	wakes int    // new items for those who wait
}

// change builds a change, writes it and waits until it is durable.
func (l *Log) change(build func(*txn) error) error { return l.write(pebble.Sync, build) }

// write is change; without sync it does not wait, and a power cut may forget.
func (l *Log) write(o *pebble.WriteOptions, build func(*txn) error) error {
	l.mu.Lock()
	t, err := l.apply(o, build)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if err := t.wait(o); err != nil {
		return err
	}
	l.mu.Lock()
	t.publish(o.Sync)
	l.mu.Unlock()
	return nil
}

// apply builds a change and hands it to Pebble. l.mu is held.
func (l *Log) apply(o *pebble.WriteOptions, build func(*txn) error) (*txn, error) {
	t := &txn{l: l, b: l.db.NewBatch(), now: l.now().UnixNano()}
	err := build(t)
	if err == nil {
		err = t.seal()
	}
	if err != nil {
		if !t.b.Empty() {
			l.fail(err) // memory is ahead of the disk: only a start helps
		}
		_ = t.b.Close() // nothing was written
		return nil, err
	}
	if o.Sync {
		err = l.db.ApplyNoSyncWait(t.b, o)
	} else {
		err = l.db.Apply(t.b, o)
	}
	if err != nil {
		l.fail(err)
	}
	return t, l.broken()
}

// wait returns when the change is durable.
func (t *txn) wait(o *pebble.WriteOptions) error {
	if o.Sync {
		if err := t.b.SyncWait(); err != nil {
			t.l.fail(err)
		}
	}
	if err := t.l.broken(); err != nil {
		return err // the batch stays with Pebble's pipeline
	}
	return t.b.Close()
}

// seal adds the counters of every queue that changed. A change of nothing
// still has a record, so that it can wait for what came before.
func (t *txn) seal() error {
	var room [256]byte
	for i := range t.touch {
		q := t.touch[i].q
		t.touch[i].last, t.touch[i].done = q.next-1, q.Completed
		t.set(prefixed(kindCounters, q.id, 0), q.encode(room[:0]))
	}
	if t.b.Empty() {
		t.errs = append(t.errs, t.b.LogData([]byte{0}, nil))
	}
	if err := errors.Join(t.errs...); err != nil {
		return fmt.Errorf("build a change: %w", err)
	}
	return nil
}

// publish lets others see what is durable now, and wakes those who wait.
// l.mu is held.
func (t *txn) publish(synced bool) {
	for _, x := range t.touch {
		if synced {
			x.q.durable, x.q.completed = max(x.q.durable, x.last), max(x.q.completed, x.done)
		}
		x.q.ring(x.wakes)
	}
}

// changes notes that q changes, and that so many of its items became ready.
func (t *txn) changes(q *queue, wakes int) {
	for i := range t.touch {
		if t.touch[i].q == q {
			t.touch[i].wakes += wakes
			return
		}
	}
	t.touch = append(t.touch, touched{q: q, wakes: wakes})
}

func (t *txn) set(key, value []byte) { t.note(t.b.Set(key, value, nil)) }

func (t *txn) delete(key []byte) { t.note(t.b.Delete(key, nil)) }

func (t *txn) deleteRange(from, to []byte) { t.note(t.b.DeleteRange(from, to, nil)) }

func (t *txn) note(err error) {
	if err != nil {
		t.errs = append(t.errs, err)
	}
}
