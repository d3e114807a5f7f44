package pebble

import (
	"context"
	"errors"
	"fmt"

	"nagi.dev/bus"
)

// Settle is bus.Log's.
func (l *Log) Settle(ctx context.Context, name string, verdicts []bus.Verdict) (errs []error, err error) {
	done, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if len(verdicts) == 0 {
		return nil, nil
	}
	if err := l.ensureEmitted(verdicts); err != nil {
		return nil, err
	}
	errs = make([]error, len(verdicts))
	err = l.change(func(t *txn) error {
		q, err := l.find(name)
		if err != nil {
			return err
		}
		if err := l.settleDue(q); err != nil {
			return err
		}
		t.trim(q, 2*len(verdicts)+64)
		ready := 0
		for i, v := range verdicts {
			n, err := t.settle(q, v)
			if errs[i] = err; err != nil && !refusal(err) {
				return err
			}
			ready += n
		}
		t.changes(q, ready)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return errs, nil
}

// refusal says whether an error is about one verdict only.
func refusal(err error) bool {
	for _, e := range []error{bus.ErrStale, bus.ErrInvalid, bus.ErrFull, bus.ErrDrained, bus.ErrNoQueue, bus.ErrDamaged} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// settle records one verdict and returns how many items became ready. All
// that can refuse it comes before anything changes.
func (t *txn) settle(q *queue, v bus.Verdict) (ready int, err error) {
	if err := q.config.Check(v); err != nil {
		return 0, err
	}
	held := q.leases[v.Number]
	if held == nil || held.token != v.Token {
		if v.Act == bus.Done && q.recent.token[v.Number] == v.Token && v.Token != 0 {
			return 0, nil // recorded before: the answer was lost
		}
		return 0, fmt.Errorf("settle item %d with token %d: %w", v.Number, v.Token, bus.ErrStale)
	}
	if err := t.emit(v.Emit); err != nil {
		return 0, fmt.Errorf("settle item %d: %w", v.Number, err)
	}
	return t.conclude(q, v, held), nil
}

// emit appends entries to other queues of the log, all or none.
func (t *txn) emit(emits []bus.Emit) error {
	if len(emits) == 0 {
		return nil
	}
	var names []string
	byQueue := map[string][]bus.Entry{}
	for _, e := range emits {
		if byQueue[e.Queue] == nil {
			names = append(names, e.Queue)
		}
		byQueue[e.Queue] = append(byQueue[e.Queue], e.Entry)
	}
	for _, name := range names {
		to, err := t.l.find(name)
		if err == nil {
			err = to.config.Admit(to.Counts, byQueue[name])
		}
		if err == nil {
			err = t.l.disk.room()
		}
		if err == nil {
			_, err = t.known(to, byQueue[name]) // what it cannot read now it will not miss later
		}
		if err != nil {
			return fmt.Errorf("emit to %s: %w", name, err)
		}
	}
	for _, name := range names {
		if _, err := t.append(t.l.queues[name], byQueue[name]); err != nil {
			return fmt.Errorf("emit to %s: %w: %v", name, errHalf, err)
		}
	}
	return nil
}

// errHalf ends a change that cannot be taken back in memory.
var errHalf = errors.New("the change is half built")

// ensureEmitted makes the queues that verdicts emit to.
func (l *Log) ensureEmitted(verdicts []bus.Verdict) error {
	for _, v := range verdicts {
		for _, e := range v.Emit {
			if err := l.ensure(e.Queue); err != nil {
				return err
			}
		}
	}
	return nil
}
