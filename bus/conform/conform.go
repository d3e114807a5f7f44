package conform

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"nagi.dev/bus"
)

// A Clock is a time that tests move. It may be asked from any goroutine.
type Clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

// NewClock returns a clock that shows a time in the year 2026.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)} }

// Now is the time the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Run tests a log. open makes an empty one that takes its time from now; its
// end is the test's cleanup.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) bus.Log) {
	for _, tt := range []struct {
		name string
		test func(*queue)
	}{
		{"items are handed out in the order in which they came", order},
		{"a higher priority goes first, then the lower number", priority},
		{"a delayed item waits its time and keeps its number", delay},
		{"an item is leased once until its lease runs out", expiry},
		{"an extended lease lasts", extend},
		{"a verdict with an old token is refused", fencing},
		{"one completion is recorded, and said again it is the same", completion},
		{"the last failed attempt makes a dead letter that can be tried again", deadLetter},
		{"what is given back has not been tried", release},
		{"what is cancelled is gone in every state", cancel},
		{"the same ID is appended once within the window", idempotent},
		{"a batch is appended whole or not at all", atomic},
		{"a full queue refuses and takes again after a completion", full},
		{"no more leases than allowed are out", maxLeased},
		{"a drained queue takes nothing and hands out the rest; a paused one hands out nothing", drain},
		{"a completion and what it emits are one step", emit},
		{"results are kept up to their bound", results},
		{"done items stay to be read while they are retained", retain},
		{"a stream is read, not leased, and loses its oldest at a bound", stream},
		{"truncate takes out what is below a number", truncate},
		{"each state can be looked at", peek},
		{"a waiting lease is woken by an append", waiting},
		{"many producers and workers: each item is completed once", crowd},
		{"queues are told apart, and an unknown one is an error", queues},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewClock()
			tt.test(&queue{T: t, log: open(t, c.Now), clock: c, name: "q"})
		})
	}
}

// A queue is one queue of a log under test; what must not fail ends the test.
type queue struct {
	*testing.T
	log   bus.Log
	clock *Clock
	name  string
}

func (q *queue) ctx() context.Context { return q.T.Context() }

func (q *queue) must(err error) {
	q.Helper()
	if err != nil {
		q.Fatal(err)
	}
}

func (q *queue) configure(c bus.Config) {
	q.Helper()
	q.must(q.log.Configure(q.ctx(), q.name, c))
}

func (q *queue) put(bodies ...string) []uint64 {
	q.Helper()
	var entries []bus.Entry
	for _, b := range bodies {
		entries = append(entries, bus.Entry{Body: []byte(b)})
	}
	return q.append(entries...)
}

func (q *queue) append(entries ...bus.Entry) []uint64 {
	q.Helper()
	numbers, err := q.log.Append(q.ctx(), q.name, entries)
	q.must(err)
	return numbers
}

func (q *queue) lease(most int) []bus.Item {
	q.Helper()
	items, err := q.log.Lease(q.ctx(), q.name, bus.Want{Most: most, Owner: "w"})
	q.must(err)
	return items
}

// one leases the only item that is ready.
func (q *queue) one() bus.Item {
	q.Helper()
	items := q.lease(10)
	if len(items) != 1 {
		q.Fatalf("leased %d items, want 1", len(items))
	}
	return items[0]
}

func (q *queue) settle(it bus.Item, v bus.Verdict) error {
	q.Helper()
	v.Number, v.Token = it.Number, it.Token
	errs, err := q.log.Settle(q.ctx(), q.name, []bus.Verdict{v})
	q.must(err)
	return errs[0]
}

func (q *queue) done(items ...bus.Item) {
	q.Helper()
	for _, it := range items {
		q.must(q.settle(it, bus.Verdict{Act: bus.Done}))
	}
}

// want compares the bodies of items.
func (q *queue) want(items []bus.Item, bodies ...string) {
	q.Helper()
	var got []string
	for _, it := range items {
		got = append(got, string(it.Body))
	}
	if fmt.Sprint(got) != fmt.Sprint(bodies) {
		q.Fatalf("got %q, want %q", got, bodies)
	}
}

func (q *queue) refused(err, cause error) {
	q.Helper()
	if !errors.Is(err, cause) {
		q.Fatalf("got %v, want %v", err, cause)
	}
}

// count compares the states: ready, delayed, leased, dead.
func (q *queue) count(ready, delayed, leased, dead int64) bus.Counts {
	q.Helper()
	c, err := q.log.Count(q.ctx(), q.name)
	q.must(err)
	if got, want := [4]int64{c.Ready, c.Delayed, c.Leased, c.Dead}, [4]int64{ready, delayed, leased, dead}; got != want {
		q.Fatalf("counts ready, delayed, leased, dead are %v, want %v", got, want)
	}
	return c
}

func (q *queue) results(from uint64) []bus.Result {
	q.Helper()
	r, err := q.log.Results(q.ctx(), q.name, from, 1000)
	q.must(err)
	return r
}
