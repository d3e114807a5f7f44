package balance

import (
	"container/list"
	"sync"
	"time"

	"nagi.dev/plane/config"
)

// A Limiter holds keys to a rate. It keeps one time per key (the generic cell
// rate algorithm): when the key's credit will be whole again.
type Limiter struct {
	gap   time.Duration // between requests at the rate
	slack time.Duration // of a burst
	max   int

	mu     sync.Mutex // guards what follows
	keys   map[string]*list.Element
	recent *list.List // of *credit, the last used first
	denied uint64
}

type credit struct {
	key   string
	whole time.Time
}

// NewLimiter makes the limiter of a rate limit that was checked.
func NewLimiter(r config.RateLimit) *Limiter {
	gap := time.Duration(float64(time.Second) / r.PerSecond)
	burst := r.Burst
	if burst == 0 {
		burst = max(int(r.PerSecond), 1)
	}
	most := r.MaxKeys
	if most == 0 {
		most = 65536
	}
	return &Limiter{gap: gap, slack: gap * time.Duration(burst), max: most, keys: map[string]*list.Element{}, recent: list.New()}
}

// Allow reports whether a request of key may pass now; if not, it may after wait.
func (l *Limiter) Allow(key []byte, now time.Time) (ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.credit(key, now)
	if c.whole.Before(now) {
		c.whole = now
	}
	if over := c.whole.Add(l.gap).Sub(now) - l.slack; over > 0 {
		l.denied++
		return false, over
	}
	c.whole = c.whole.Add(l.gap)
	return true, 0
}

// credit finds the key's, or makes one in the place of the longest unused.
func (l *Limiter) credit(key []byte, now time.Time) *credit {
	if el := l.keys[string(key)]; el != nil {
		l.recent.MoveToFront(el)
		return el.Value.(*credit)
	}
	if len(l.keys) >= l.max {
		el := l.recent.Back()
		c := el.Value.(*credit)
		delete(l.keys, c.key)
		*c = credit{key: string(key), whole: now}
		l.recent.MoveToFront(el)
		l.keys[c.key] = el
		return c
	}
	c := &credit{key: string(key), whole: now}
	l.keys[c.key] = l.recent.PushFront(c)
	return c
}

// Denied is how often Allow said no.
func (l *Limiter) Denied() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.denied
}
