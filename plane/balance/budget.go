package balance

import (
	"sync"
	"time"
)

// A Budget lets a percentage of requests be followed by one more: a retry or a
// hedge. What is not spent is saved up to a reserve, which also lets a plane
// with few requests retry at all.
type Budget struct {
	share   float64
	reserve float64
	perSec  float64

	mu     sync.Mutex // guards saved and last
	saved  float64
	last   time.Time
	denied uint64
}

// NewRetryBudget has a reserve of 100 from the start: when one of many
// endpoints dies, all requests in flight to it want a second try at once.
func NewRetryBudget(percent float64) *Budget {
	return &Budget{share: percent / 100, reserve: 100, perSec: 1, saved: 100}
}

// NewHedgeBudget has next to none: it must hold from the first request on.
func NewHedgeBudget(percent float64) *Budget {
	return &Budget{share: percent / 100, reserve: 20, saved: 1}
}

// Request counts a first request.
func (b *Budget) Request() {
	b.mu.Lock()
	b.saved = min(b.saved+b.share, b.reserve)
	b.mu.Unlock()
}

// Take reports whether one more may follow, and counts it.
func (b *Budget) Take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.last.IsZero() && b.perSec > 0 {
		b.saved = min(b.saved+now.Sub(b.last).Seconds()*b.perSec, b.reserve)
	}
	b.last = now
	if b.saved < 1 {
		b.denied++
		return false
	}
	b.saved--
	return true
}

// Denied is how often Take said no.
func (b *Budget) Denied() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.denied
}
