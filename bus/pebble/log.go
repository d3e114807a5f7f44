package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"nagi.dev/bus"
)

// A Log is a bus.Log on a folder of this machine.
type Log struct {
	db   *pebble.DB
	disk *disk
	now  func() time.Time

	failure  atomic.Pointer[error] // why nothing can be written any more
	stopping chan struct{}         // closed by Close

	mu        sync.Mutex // guards the rest; held while a change is built and applied, not while it is synced
	queues    map[string]*queue
	nextQueue uint32
	token     uint64 // the last that was given
	mark      uint64 // on disk: no token above it was given
	closed    bool
	calls     sync.WaitGroup // that are under way; added to while closed is false
}

var _ bus.Log = (*Log)(nil)

// begin says whether a call may go on, and keeps the log open until the call
// is done.
func (l *Log) begin(ctx context.Context) (done func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, bus.ErrClosed
	}
	if err := l.broken(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.calls.Add(1)
	return l.calls.Done, nil
}

// broken returns the reason for which the log writes no more.
func (l *Log) broken() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// fail makes the log broken. The first cause counts.
func (l *Log) fail(cause error) {
	err := fmt.Errorf("write the log: %w: %w", bus.ErrBroken, cause)
	l.failure.CompareAndSwap(nil, &err)
}

// damage turns an error of a read into what callers know.
func damage(what string, err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, errRecord) {
		return fmt.Errorf("%s: %w: %w", what, bus.ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// find returns a queue. l.mu is held.
func (l *Log) find(name string) (*queue, error) {
	q := l.queues[name]
	if q == nil {
		return nil, fmt.Errorf("queue %s: %w", name, bus.ErrNoQueue)
	}
	return q, nil
}

// nextToken gives the token of a lease. Tokens are reserved on disk a million
// at a time, so that none comes twice. l.mu is held.
func (l *Log) nextToken() (uint64, error) {
	if l.token >= l.mark {
		if err := l.reserve(l.token); err != nil {
			return 0, err
		}
	}
	l.token++
	return l.token, nil
}

func (l *Log) reserve(from uint64) error {
	mark := from + 1<<20
	b := l.db.NewBatch()
	defer b.Close()
	if err := b.Set([]byte{kindMeta}, encodeMeta(mark, l.nextQueue), nil); err != nil {
		return err
	}
	if err := l.db.Apply(b, pebble.Sync); err != nil {
		l.fail(err)
	}
	if err := l.broken(); err != nil {
		return err
	}
	l.mark = mark
	return nil
}

// Close lets go of the folder. Calls that wait return bus.ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.stopping)
	l.mu.Unlock()
	if l.broken() != nil {
		return l.abandon()
	}
	l.calls.Wait()
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close the log: %w", err)
	}
	return nil
}

// abandon closes what a failed write left behind. Pebble's pipeline may hang
// then; it gets five seconds.
func (l *Log) abandon() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }() // it may find its own state odd
		_ = l.db.Close()                 // the cause was told to every caller
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
	}
	return l.broken()
}
