package meter

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Eight steps a doubling, from 1 µs to over an hour: no step is off by more
// than an eighth.
const (
	steps   = 3
	buckets = (33 - steps) << steps
)

// A Histogram counts latencies. The zero Histogram is empty. One histogram is
// written either by one thread with Observe or by many with ObserveAtomic.
type Histogram struct {
	sum    uint64 // µs
	counts [buckets]uint64
}

// Observe counts d once. Only one thread may call it.
func (h *Histogram) Observe(d time.Duration) {
	us := micros(d)
	h.counts[bucket(us)]++
	h.sum += us
}

// ObserveAtomic is Observe for many threads.
func (h *Histogram) ObserveAtomic(d time.Duration) {
	us := micros(d)
	atomic.AddUint64(&h.counts[bucket(us)], 1)
	atomic.AddUint64(&h.sum, us)
}

func micros(d time.Duration) uint64 {
	if d < 0 {
		return 0
	}
	return uint64(d) / 1000
}

func bucket(us uint64) int {
	if us < 1<<steps {
		return int(us)
	}
	e := bits.Len64(us) - 1 - steps
	return min(e<<steps+int(us>>e), buckets-1)
}

// upper is the first value in µs above bucket i.
func upper(i int) uint64 {
	if i < 1<<steps {
		return uint64(i) + 1
	}
	e := i>>steps - 1
	return (uint64(i&(1<<steps-1)) + 1<<steps + 1) << e
}

// Count is how many were counted.
func (h *Histogram) Count() (n uint64) {
	for i := range h.counts {
		n += atomic.LoadUint64(&h.counts[i])
	}
	return n
}

// Sum is what they add up to.
func (h *Histogram) Sum() time.Duration {
	return time.Duration(atomic.LoadUint64(&h.sum)) * time.Microsecond
}

// Quantile returns a latency that a share q of all does not exceed; 0 when
// nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	rank := uint64(q * float64(n))
	var seen uint64
	for i := range h.counts {
		if seen += atomic.LoadUint64(&h.counts[i]); seen > rank || seen == n && n > 0 {
			return time.Duration(upper(i)) * time.Microsecond
		}
	}
	return 0
}

// below is how many are under limit, which must be a power of two in µs.
func (h *Histogram) below(us uint64) (n uint64) {
	for i := range bucket(us) {
		n += atomic.LoadUint64(&h.counts[i])
	}
	return n
}
