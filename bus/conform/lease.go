package conform

import (
	"errors"
	"strings"
	"time"

	"nagi.dev/bus"
)

func order(q *queue) {
	q.put("a", "b")
	q.put("c", "d")
	first := q.lease(3)
	q.want(first, "a", "b", "c")
	for i, it := range first {
		if it.Number != uint64(i+1) || it.Attempt != 1 || it.Token == 0 || it.Owner != "w" || !it.At.Equal(q.clock.Now()) {
			q.Fatalf("item %d is %+v", i, it)
		}
	}
	q.want(q.lease(3), "d")
	q.want(q.lease(3))
	q.count(0, 0, 4, 0)
}

func priority(q *queue) {
	q.append(
		bus.Entry{Body: []byte("low"), Priority: -1},
		bus.Entry{Body: []byte("usual 1")},
		bus.Entry{Body: []byte("high"), Priority: 9},
		bus.Entry{Body: []byte("usual 2")},
		bus.Entry{Body: []byte("highest"), Priority: 127},
	)
	q.count(5, 0, 0, 0)
	q.want(q.lease(2), "highest", "high")
	q.append(bus.Entry{Body: []byte("late"), Priority: 1})
	q.want(q.lease(9), "late", "usual 1", "usual 2", "low")
}

func delay(q *queue) {
	q.configure(bus.Config{Lease: time.Hour})
	q.append(bus.Entry{Body: []byte("later"), Delay: time.Minute}, bus.Entry{Body: []byte("now")})
	q.count(1, 1, 0, 0)
	q.want(q.lease(9), "now")
	q.clock.Add(59 * time.Second)
	q.want(q.lease(9))
	q.put("new")
	q.clock.Add(time.Second)
	q.count(2, 0, 1, 0)
	q.want(q.lease(9), "later", "new")
}

func expiry(q *queue) {
	q.configure(bus.Config{Lease: time.Minute, Backoff: bus.Backoff{First: time.Second}})
	q.put("a")
	first := q.one()
	q.clock.Add(time.Minute - 1)
	q.want(q.lease(1))
	q.clock.Add(1)
	q.count(0, 1, 0, 0)
	q.clock.Add(time.Second)
	second := q.one()
	if second.Attempt != 2 || second.Token <= first.Token {
		q.Fatalf("the second lease is %+v, the first was %+v", second, first)
	}
	if c := q.count(0, 0, 1, 0); c.Failed != 1 {
		q.Fatalf("%d failed attempts, want 1", c.Failed)
	}
}

func extend(q *queue) {
	q.put("a")
	it := q.one()
	for range 3 {
		q.clock.Add(50 * time.Second)
		q.must(q.settle(it, bus.Verdict{Act: bus.Extend}))
	}
	q.count(0, 0, 1, 0)
	q.must(q.settle(it, bus.Verdict{Act: bus.Extend, For: time.Hour}))
	q.clock.Add(time.Hour - 1)
	q.count(0, 0, 1, 0)
	q.clock.Add(1)
	q.count(0, 1, 0, 0)
	q.refused(q.settle(it, bus.Verdict{Act: bus.Extend}), bus.ErrStale)
}

func fencing(q *queue) {
	q.put("a")
	old := q.one()
	q.clock.Add(time.Hour)
	q.count(0, 1, 0, 0)
	q.clock.Add(time.Hour)
	fresh := q.one()
	for _, act := range []bus.Act{bus.Done, bus.Extend, bus.Again, bus.Release, bus.Bury} {
		q.refused(q.settle(old, bus.Verdict{Act: act}), bus.ErrStale)
	}
	q.count(0, 0, 1, 0)
	q.done(fresh)
	q.refused(q.settle(old, bus.Verdict{Act: bus.Done}), bus.ErrStale)
	if r := q.results(1); len(r) != 1 || r[0].Token != fresh.Token || r[0].Attempt != 2 {
		q.Fatalf("results are %+v", r)
	}
}

func completion(q *queue) {
	q.append(bus.Entry{ID: "photo-1", Body: []byte("a")})
	it := q.one()
	for range 3 {
		q.must(q.settle(it, bus.Verdict{Act: bus.Done, Result: []byte("42")}))
	}
	c := q.count(0, 0, 0, 0)
	if c.Completed != 1 || c.Bytes != 0 {
		q.Fatalf("counts are %+v", c)
	}
	r := q.results(1)
	if len(r) != 1 || r[0].Completion != 1 || r[0].Number != 1 || r[0].ID != "photo-1" || r[0].Owner != "w" || string(r[0].Result) != "42" {
		q.Fatalf("results are %+v", r)
	}
	q.refused(q.settle(it, bus.Verdict{Act: bus.Again}), bus.ErrStale)
}

func deadLetter(q *queue) {
	q.configure(bus.Config{MaxAttempts: 2, Backoff: bus.Backoff{First: time.Second}, MaxResult: 8})
	q.put("a", "b")
	items := q.lease(2)
	q.must(q.settle(items[0], bus.Verdict{Act: bus.Again, Reason: "first"}))
	q.must(q.settle(items[1], bus.Verdict{Act: bus.Bury, Reason: "bad", Tail: "…and a long tail"}))
	q.count(0, 1, 0, 1)
	q.clock.Add(time.Second)
	q.must(q.settle(q.one(), bus.Verdict{Act: bus.Again, Reason: "second"}))
	q.count(0, 0, 0, 2)
	dead, err := q.log.Peek(q.ctx(), q.name, bus.Dead, 0, 10)
	q.must(err)
	q.want(dead, "a", "b")
	if !strings.Contains(dead[0].Reason, "second") || dead[0].Attempt != 2 || dead[1].Reason != "bad" || dead[1].Tail != "ong tail" {
		q.Fatalf("dead letters are %+v", dead)
	}
	n, err := q.log.Retry(q.ctx(), q.name, []uint64{1, 2, 3})
	q.must(err)
	if n != 2 {
		q.Fatalf("%d were tried again, want 2", n)
	}
	again := q.lease(9)
	q.want(again, "a", "b")
	if again[0].Attempt != 1 {
		q.Fatalf("after a retry the attempt is %d, want 1", again[0].Attempt)
	}
}

func release(q *queue) {
	q.put("a", "b")
	it := q.lease(1)[0]
	q.must(q.settle(it, bus.Verdict{Act: bus.Release}))
	q.count(2, 0, 0, 0)
	items := q.lease(9)
	q.want(items, "a", "b")
	if items[0].Attempt != 1 {
		q.Fatalf("attempt %d, want 1", items[0].Attempt)
	}
	q.must(q.settle(items[0], bus.Verdict{Act: bus.Release, For: time.Minute}))
	q.count(0, 1, 1, 0)
}

func maxLeased(q *queue) {
	q.configure(bus.Config{MaxLeased: 2})
	q.put("a", "b", "c")
	items := q.lease(9)
	q.want(items, "a", "b")
	q.want(q.lease(9))
	q.done(items[1])
	q.want(q.lease(9), "c")
}

func cancel(q *queue) {
	q.configure(bus.Config{MaxAttempts: 1})
	q.put("leased", "dead", "left")
	held := q.lease(2)
	q.must(q.settle(held[1], bus.Verdict{Act: bus.Again}))
	q.append(bus.Entry{Body: []byte("delayed"), Delay: time.Hour}, bus.Entry{Body: []byte("high"), Priority: 1}, bus.Entry{Body: []byte("fresh")})
	q.count(3, 1, 1, 1)
	n, err := q.log.Cancel(q.ctx(), q.name, []uint64{1, 2, 4, 5, 6, 6, 77})
	q.must(err)
	if c := q.count(1, 0, 0, 0); n != 5 || c.Cancelled != 5 || c.Bytes != int64(len("left")) {
		q.Fatalf("cancelled %d, counts %+v", n, c)
	}
	q.refused(q.settle(held[0], bus.Verdict{Act: bus.Done}), bus.ErrStale)
	q.clock.Add(2 * time.Hour)
	q.want(q.lease(9), "left")
}

func emit(q *queue) {
	q.must(q.log.Configure(q.ctx(), "full", bus.Config{MaxItems: 1}))
	q.put("a", "b")
	items := q.lease(2)
	q.must(q.settle(items[0], bus.Verdict{Act: bus.Done, Emit: []bus.Emit{
		{Queue: "next", Entry: bus.Entry{Body: []byte("a1")}},
		{Queue: "full", Entry: bus.Entry{Body: []byte("a2")}},
		{Queue: "next", Entry: bus.Entry{Body: []byte("a3"), Priority: 1}},
	}}))
	q.refused(q.settle(items[1], bus.Verdict{Act: bus.Done, Emit: []bus.Emit{
		{Queue: "next", Entry: bus.Entry{Body: []byte("b1")}},
		{Queue: "full", Entry: bus.Entry{Body: []byte("b2")}},
	}}), bus.ErrFull)
	q.count(0, 0, 1, 0)
	next := *q
	next.name = "next"
	next.want(next.lease(9), "a3", "a1")
	next.name = "full"
	next.want(next.lease(9), "a2")
}

func waiting(q *queue) {
	q.configure(bus.Config{})
	type answer struct {
		items []bus.Item
		err   error
	}
	got := make(chan answer, 3)
	for range 3 {
		go func() {
			items, err := q.log.Lease(q.ctx(), q.name, bus.Want{Wait: 20 * time.Second})
			got <- answer{items, err}
		}()
	}
	for range 3 {
		q.put("x")
		a := <-got
		q.must(a.err)
		q.want(a.items, "x")
	}
	none, err := q.log.Lease(q.ctx(), q.name, bus.Want{Wait: time.Millisecond})
	if err != nil && !errors.Is(err, bus.ErrNoQueue) {
		q.Fatal(err)
	}
	q.want(none)
}
