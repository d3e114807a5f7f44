package web

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// RouteStats count the requests of one route. They may be read at any time.
type RouteStats struct {
	Classes [6]atomic.Uint64 // by the status' first digit
	Retries atomic.Uint64
	Hedges  atomic.Uint64
	Hits    atomic.Uint64 // of the cache
	Misses  atomic.Uint64
	Latency Histogram // of whole exchanges
}

func (s *RouteStats) count(status int, took time.Duration) {
	s.Classes[min(status/100, 5)].Add(1)
	if took > 0 {
		s.Latency.Add(took)
	}
}

// A Histogram counts durations in cells whose bounds double, from 64 µs.
type Histogram struct {
	Cells [24]atomic.Uint64
	Sum   atomic.Uint64 // ns
}

// Add counts one.
func (h *Histogram) Add(d time.Duration) {
	i := bits.Len64(uint64(d) >> 16)
	h.Cells[min(i, len(h.Cells)-1)].Add(1)
	h.Sum.Add(uint64(d))
}

// Bound is the upper end of a cell; the last one has none.
func Bound(cell int) time.Duration { return time.Duration(1<<16) << cell }
