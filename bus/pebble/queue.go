package pebble

import (
	"container/heap"
	"math"

	"nagi.dev/bus"
)

// A queue is what is known of a queue without asking the disk. Log.mu guards
// all of it.
type queue struct {
	name   string
	id     uint32
	config bus.Config // with defaults
	counters
	durable   uint64 // no number above it has been synced yet
	completed uint64 // no completion above it has been synced yet
	leases    map[uint64]*lease
	deadlines deadlines // of leases; some may be over
	nextDue   int64     // ms; no delayed item is due before
	recent    recent
	waiters   []chan struct{}
}

func newQueue(name string, id uint32, c bus.Config) *queue {
	return &queue{
		name: name, id: id, config: c.WithDefaults(), counters: newCounters(),
		leases: map[uint64]*lease{}, nextDue: math.MaxInt64, recent: recent{token: map[uint64]uint64{}},
	}
}

// hold notes a lease.
func (q *queue) hold(n uint64, l *lease) {
	q.leases[n] = l
	heap.Push(&q.deadlines, deadline{l.until, n, l.token})
	if len(q.deadlines) > 2*len(q.leases)+64 {
		q.tidy()
	}
}

// tidy drops the deadlines of leases that ended or were extended.
func (q *queue) tidy() {
	q.deadlines = q.deadlines[:0]
	for n, l := range q.leases {
		q.deadlines = append(q.deadlines, deadline{l.until, n, l.token})
	}
	heap.Init(&q.deadlines)
}

// ranOut takes the next lease that is over at now, in ns.
func (q *queue) ranOut(now int64) (n uint64, l *lease) {
	for len(q.deadlines) > 0 && q.deadlines[0].at <= now {
		d := heap.Pop(&q.deadlines).(deadline)
		if l := q.leases[d.number]; l != nil && l.token == d.token && l.until <= now {
			return d.number, l
		}
	}
	return 0, nil
}

// wake is when something changes by itself, in ns.
func (q *queue) wake() int64 {
	at := int64(math.MaxInt64)
	if q.nextDue < math.MaxInt64/1_000_000 {
		at = q.nextDue * 1_000_000
	}
	if len(q.deadlines) > 0 {
		at = min(at, q.deadlines[0].at)
	}
	return at
}

// wait puts a caller in the line of those who wait for an item. The signal
// is kept until it is taken: one that is given before the caller listens is
// not lost.
func (q *queue) wait() chan struct{} {
	c := make(chan struct{}, 1)
	q.waiters = append(q.waiters, c)
	return c
}

// ring wakes up to n callers, those who came first.
func (q *queue) ring(n int) {
	n = min(n, len(q.waiters))
	for _, c := range q.waiters[:n] {
		c <- struct{}{}
	}
	q.waiters = append(q.waiters[:0], q.waiters[n:]...)
}

// leaveLine takes a caller out again. One that was already woken passes it on.
func (q *queue) leaveLine(c chan struct{}) {
	for i, w := range q.waiters {
		if w == c {
			q.waiters = append(q.waiters[:i], q.waiters[i+1:]...)
			return
		}
	}
	select {
	case <-c:
		q.ring(1)
	default:
	}
}

// A deadline is the end of a lease.
type deadline struct {
	at            int64
	number, token uint64
}

// deadlines is a heap, the first one on top.
type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)        { *d = append(*d, x.(deadline)) }

func (d *deadlines) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// recent remembers which token completed an item, for as many items as
// results are kept, 100,000 at most.
type recent struct {
	token map[uint64]uint64
	order []uint64 // numbers, a ring
	next  int
}

func (r *recent) add(n, token uint64, keep int) {
	keep = min(keep, 100_000)
	if keep <= 0 {
		return
	}
	if len(r.order) < keep {
		r.order = append(r.order, n)
	} else {
		r.next %= len(r.order)
		delete(r.token, r.order[r.next])
		r.order[r.next] = n
		r.next++
	}
	r.token[n] = token
}
