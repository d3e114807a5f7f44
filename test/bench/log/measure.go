package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A bench says what is measured and how long.
type bench struct {
	dir  string
	span time.Duration
}

// A session is one connection to a system.
type session interface {
	put() error // one item; returns once it is durable
	// stream puts items with at most window of them unacknowledged until
	// more says no. It calls acked for each acknowledgement.
	stream(window int, more func() bool, acked func(n int, since time.Time)) error
	take(most int) (int, error) // leases and acknowledges
	close()
}

// A sample counts items and how long each was under way.
type sample struct {
	mu    sync.Mutex // guards the rest
	n     int
	spent []time.Duration
}

func (s *sample) add(n int, since time.Time) {
	d := time.Since(since)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += n
	s.spent = append(s.spent, d)
}

func (s *sample) p99() time.Duration {
	if len(s.spent) == 0 {
		return 0
	}
	slices.Sort(s.spent)
	return s.spent[len(s.spent)*99/100]
}

var body = make([]byte, 256)

// measure starts a system, takes all figures and ends it.
func (b bench) measure(ctx context.Context, s system) (rows []row, err error) {
	dir, err := os.MkdirTemp(b.dir, "nagi-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	stop, err := s.start(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer stop()
	for _, f := range []struct {
		name string
		run  func(context.Context, system, *sample) error
	}{
		{"put, one in flight", b.producers(1)},
		{"put, 64 producers of one", b.producers(64)},
		{"put, window 256", b.window},
		{"put + lease + ack", b.through},
	} {
		var taken sample
		begun := time.Now()
		if err := f.run(ctx, s, &taken); err != nil {
			return rows, fmt.Errorf("%s: %w", f.name, err)
		}
		rate := float64(taken.n) / time.Since(begun).Seconds()
		fmt.Printf("%-12s %-28s %9.0f/s  p99 %s\n", s.name(), f.name, rate, taken.p99().Round(time.Microsecond))
		rows = append(rows, rowsOf(s.name(), f.name, rate, taken.p99())...)
	}
	return rows, ctx.Err()
}

// producers have one item in flight each, on a connection of its own.
func (b bench) producers(n int) func(context.Context, system, *sample) error {
	return func(ctx context.Context, s system, taken *sample) error {
		return b.each(n, s, func(c session, more func() bool) error {
			for more() && ctx.Err() == nil {
				begun := time.Now()
				if err := c.put(); err != nil {
					return err
				}
				taken.add(1, begun)
			}
			return nil
		})
	}
}

// window is one producer with 256 items in flight.
func (b bench) window(_ context.Context, s system, taken *sample) error {
	return b.each(1, s, func(c session, more func() bool) error { return c.stream(256, more, taken.add) })
}

// through counts what comes out at the other end while one producer keeps
// some thousands of items ahead of one consumer. What was there before is
// taken out first, uncounted.
func (b bench) through(ctx context.Context, s system, taken *sample) error {
	if err := b.empty(s); err != nil {
		return err
	}
	var ahead atomic.Int64
	var producer atomic.Bool
	return b.each(2, s, func(c session, more func() bool) error {
		if producer.CompareAndSwap(false, true) {
			return c.stream(256, func() bool {
				for ahead.Load() > 8192 && more() {
					time.Sleep(50 * time.Microsecond)
				}
				return more()
			}, func(n int, _ time.Time) { ahead.Add(int64(n)) })
		}
		for more() && ctx.Err() == nil {
			begun := time.Now()
			n, err := c.take(256)
			if err != nil {
				return err
			}
			if n > 0 {
				taken.add(n, begun)
				ahead.Add(-int64(n))
			}
		}
		return nil
	})
}

func (b bench) empty(s system) error {
	if e, ok := s.(interface{ fresh() error }); ok {
		return e.fresh()
	}
	return nil
}

// each runs f on so many sessions at once, for the span.
func (b bench) each(n int, s system, f func(c session, more func() bool) error) error {
	errs := make(chan error, n)
	sessions := make([]session, n)
	for i := range sessions {
		c, err := s.dial()
		if err != nil {
			return err
		}
		defer c.close()
		sessions[i] = c
	}
	end := time.Now().Add(b.span)
	more := func() bool { return time.Now().Before(end) }
	for _, c := range sessions {
		go func() { errs <- f(c, more) }()
	}
	var first error
	for range n {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

// bursts is the stream of a system whose best is a pipeline of requests.
func bursts(window int, more func() bool, acked func(int, time.Time), put func(n int) error) error {
	for more() {
		begun := time.Now()
		if err := put(window); err != nil {
			return err
		}
		acked(window, begun)
	}
	return nil
}
