package conform

import (
	"fmt"
	"math"
	"sync"
	"time"

	"nagi.dev/bus"
)

func idempotent(q *queue) {
	q.configure(bus.Config{IDWindow: 2})
	if n := q.append(bus.Entry{ID: "x"}, bus.Entry{ID: "y"}, bus.Entry{ID: "x"}); fmt.Sprint(n) != "[1 2 1]" {
		q.Fatalf("numbers are %v", n)
	}
	if n := q.append(bus.Entry{ID: "y"}, bus.Entry{}); fmt.Sprint(n) != "[2 3]" {
		q.Fatalf("numbers are %v", n)
	}
	q.count(3, 0, 0, 0)
	q.done(q.lease(3)...)
	if n := q.append(bus.Entry{ID: "x"}); n[0] != 1 {
		q.Fatalf("an ID of a done item gave number %d, want 1", n[0])
	}
	q.append(bus.Entry{ID: "z"}) // x is no longer among the last two
	if n := q.append(bus.Entry{ID: "x"}); n[0] != 5 {
		q.Fatalf("a forgotten ID gave number %d, want 5", n[0])
	}
}

func atomic(q *queue) {
	q.configure(bus.Config{MaxItem: 3})
	_, err := q.log.Append(q.ctx(), q.name, []bus.Entry{{Body: []byte("ok")}, {Body: []byte("too long")}})
	q.refused(err, bus.ErrInvalid)
	q.count(0, 0, 0, 0)
}

func full(q *queue) {
	q.configure(bus.Config{MaxItems: 2, MaxBytes: 5})
	q.put("12345")
	_, err := q.log.Append(q.ctx(), q.name, []bus.Entry{{Body: []byte("6")}})
	q.refused(err, bus.ErrFull)
	q.done(q.one())
	q.put("a", "b")
	_, err = q.log.Append(q.ctx(), q.name, []bus.Entry{{}})
	q.refused(err, bus.ErrFull)
	q.count(2, 0, 0, 0)
}

func drain(q *queue) {
	q.put("a", "b")
	q.configure(bus.Config{Closed: true})
	_, err := q.log.Append(q.ctx(), q.name, []bus.Entry{{}})
	q.refused(err, bus.ErrDrained)
	q.want(q.lease(1), "a")
	q.configure(bus.Config{Paused: true})
	q.put("c")
	q.want(q.lease(9))
	q.configure(bus.Config{})
	q.want(q.lease(9), "b", "c")
}

func results(q *queue) {
	q.configure(bus.Config{KeepResults: 3, MaxResult: 4})
	q.put("a", "b", "c", "d", "e")
	items := q.lease(5)
	q.refused(q.settle(items[0], bus.Verdict{Act: bus.Done, Result: []byte("large")}), bus.ErrInvalid)
	for i, it := range items {
		q.must(q.settle(it, bus.Verdict{Act: bus.Done, Result: fmt.Append(nil, i)}))
	}
	r := q.results(1)
	if len(r) != 3 || r[0].Completion != 3 || string(r[0].Result) != "2" || r[2].Number != 5 {
		q.Fatalf("results are %+v", r)
	}
	if r = q.results(5); len(r) != 1 || r[0].Completion != 5 {
		q.Fatalf("results from 5 are %+v", r)
	}
	q.configure(bus.Config{KeepResults: -1})
	q.put("f")
	q.done(q.one())
	if r = q.results(1); len(r) != 0 {
		q.Fatalf("results are %+v, want none", r)
	}
}

func (q *queue) read(from uint64) []bus.Item {
	q.Helper()
	items, err := q.log.Read(q.ctx(), q.name, from, 100)
	q.must(err)
	return items
}

func retain(q *queue) {
	q.configure(bus.Config{Retain: time.Hour})
	q.put("a", "b")
	items := q.lease(2)
	q.done(items[0])
	q.want(q.read(0), "a", "b")
	q.want(q.read(2), "b")
	q.want(q.lease(9))
	q.clock.Add(time.Minute)
	q.put("c")
	q.clock.Add(time.Hour - time.Minute + time.Second)
	q.done(q.one()) // b's lease ran out and waits; c is done
	q.want(q.read(0), "b", "c")
}

func stream(q *queue) {
	q.configure(bus.Config{Stream: true, MaxItems: 3, Retain: time.Hour})
	q.put("a", "b")
	_, err := q.log.Lease(q.ctx(), q.name, bus.Want{})
	q.refused(err, bus.ErrInvalid)
	q.want(q.read(0), "a", "b")
	q.put("c", "d")
	q.want(q.read(0), "b", "c", "d")
	q.want(q.read(4), "d")
	q.clock.Add(time.Hour + time.Second)
	q.put("e")
	q.want(q.read(0), "e")
	q.count(1, 0, 0, 0)
}

func truncate(q *queue) {
	q.configure(bus.Config{MaxAttempts: 1})
	q.put("leased", "dead", "fresh")
	held := q.lease(2)
	q.must(q.settle(held[1], bus.Verdict{Act: bus.Again}))
	q.append(bus.Entry{Body: []byte("delayed"), Delay: time.Hour}, bus.Entry{Body: []byte("high"), Priority: 1}, bus.Entry{Body: []byte("left")})
	q.must(q.log.Truncate(q.ctx(), q.name, 6))
	if c := q.count(1, 0, 0, 0); c.Bytes != int64(len("left")) {
		q.Fatalf("counts are %+v", c)
	}
	q.refused(q.settle(held[0], bus.Verdict{Act: bus.Done}), bus.ErrStale)
	q.clock.Add(2 * time.Hour)
	q.want(q.read(0), "left")
	q.want(q.lease(9), "left")
	q.must(q.log.Truncate(q.ctx(), q.name, math.MaxUint64))
	q.count(0, 0, 0, 0)
	if n := q.put("next"); n[0] != 7 {
		q.Fatalf("after a truncation the next number is %d, want 7", n[0])
	}
	q.want(q.lease(9), "next")
}

func peek(q *queue) {
	q.configure(bus.Config{MaxAttempts: 1})
	q.put("leased", "dead", "ready 1")
	held := q.lease(2)
	q.must(q.settle(held[1], bus.Verdict{Act: bus.Bury, Reason: "r"}))
	q.append(bus.Entry{Body: []byte("delayed"), Delay: time.Hour}, bus.Entry{Body: []byte("ready 2"), Priority: -3})
	for s, bodies := range map[bus.State][]string{
		bus.Ready: {"ready 1", "ready 2"}, bus.Delayed: {"delayed"}, bus.Leased: {"leased"}, bus.Dead: {"dead"},
	} {
		items, err := q.log.Peek(q.ctx(), q.name, s, 0, 10)
		q.must(err)
		q.want(items, bodies...)
	}
	items, err := q.log.Peek(q.ctx(), q.name, bus.Ready, 4, 10)
	q.must(err)
	q.want(items, "ready 2")
	q.count(2, 1, 1, 1)
}

// crowd lets workers fail, give back and finish under each other's feet.
func crowd(q *queue) {
	const producers, workers, each = 8, 8, 200
	q.configure(bus.Config{MaxAttempts: 1000, Backoff: bus.Backoff{First: 1}, Retain: 0})
	var all sync.WaitGroup
	for p := range producers {
		all.Go(func() {
			for i := range each {
				e := bus.Entry{ID: fmt.Sprint(p, "-", i), Body: fmt.Append(nil, p, "-", i), Priority: int8(i % 3)}
				for range 2 {
					if _, err := q.log.Append(q.ctx(), q.name, []bus.Entry{e}); err != nil {
						q.Error(err)
						return
					}
				}
			}
		})
	}
	for w := range workers {
		all.Go(func() { q.work(w, producers*each) })
	}
	all.Wait()
	if c := q.count(0, 0, 0, 0); c.Completed != producers*each {
		q.Fatalf("%d completed, want %d", c.Completed, producers*each)
	}
	seen := map[string]bool{}
	for from := uint64(1); ; {
		r := q.results(from)
		if len(r) == 0 {
			break
		}
		for _, one := range r {
			seen[one.ID], from = true, one.Completion+1
		}
	}
	if len(seen) != producers*each {
		q.Fatalf("results of %d items, want %d", len(seen), producers*each)
	}
}

// work settles items one way or another until all are completed.
func (q *queue) work(seed, total int) {
	for i := seed; ; i++ {
		q.clock.Add(time.Millisecond)
		items, err := q.log.Lease(q.ctx(), q.name, bus.Want{Most: 1 + i%7, Wait: 5 * time.Millisecond})
		if err != nil {
			q.Error(err)
			return
		}
		var verdicts []bus.Verdict
		for j, it := range items {
			act := []bus.Act{bus.Done, bus.Done, bus.Again, bus.Release, bus.Done}[(i+j)%5]
			verdicts = append(verdicts, bus.Verdict{Number: it.Number, Token: it.Token, Act: act})
		}
		if _, err := q.log.Settle(q.ctx(), q.name, verdicts); err != nil {
			q.Error(err)
			return
		}
		c, err := q.log.Count(q.ctx(), q.name)
		if err != nil || c.Completed == uint64(total) {
			return
		}
	}
}

func queues(q *queue) {
	_, err := q.log.Count(q.ctx(), "none")
	q.refused(err, bus.ErrNoQueue)
	_, err = q.log.Lease(q.ctx(), "none", bus.Want{})
	q.refused(err, bus.ErrNoQueue)
	_, err = q.log.Append(q.ctx(), "not a name", []bus.Entry{{}})
	q.refused(err, bus.ErrInvalid)
	q.refused(q.log.Configure(q.ctx(), q.name, bus.Config{MaxItems: -1}), bus.ErrInvalid)
	other := *q
	other.name = "b/other"
	q.put("here")
	other.put("there")
	q.want(q.lease(9), "here")
	other.want(other.lease(9), "there")
	names, err := q.log.Queues(q.ctx())
	q.must(err)
	if fmt.Sprint(names) != "[b/other q]" {
		q.Fatalf("queues are %q", names)
	}
}
