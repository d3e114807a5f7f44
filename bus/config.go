package bus

import (
	"errors"
	"fmt"
	"time"
)

// A Config says how a queue is kept. Zero fields mean the documented default.
type Config struct {
	MaxItems  int64 `json:"maxItems,omitempty"`  // in any state; 0: 10 million
	MaxBytes  int64 `json:"maxBytes,omitempty"`  // of all bodies; 0: 16 GiB
	MaxItem   int   `json:"maxItem,omitempty"`   // bytes of one body; 0: 1 MiB, at most 8 MiB
	MaxLeased int   `json:"maxLeased,omitempty"` // leases at a time; 0: 100,000

	Lease       time.Duration `json:"lease,omitempty"`       // nanoseconds; 0: 60 s
	MaxAttempts int           `json:"maxAttempts,omitempty"` // before an item is dead; 0: 5
	Backoff     Backoff       `json:"backoff,omitzero"`

	KeepResults int `json:"keepResults,omitempty"` // the last so many; 0: 10,000, -1: none
	MaxResult   int `json:"maxResult,omitempty"`   // bytes of one result, reason or tail; 0: 64 KiB
	IDWindow    int `json:"idWindow,omitempty"`    // how many IDs are remembered; 0: 100,000

	Retain time.Duration `json:"retain,omitempty"` // of bodies after they are done, or in a stream; 0: none, in a stream for ever
	Stream bool          `json:"stream,omitempty"` // read and never leased; at a bound the oldest go

	Closed bool `json:"closed,omitempty"` // takes no new items
	Paused bool `json:"paused,omitempty"` // hands none out
}

// A Backoff is how long an item waits after a failed attempt.
type Backoff struct {
	First time.Duration `json:"first,omitempty"` // after the first; then twice as long each time. 0: 1 s
	Most  time.Duration `json:"most,omitempty"`  // 0: 5 min
}

// HighestItem is the largest body that any queue takes.
const HighestItem = 8 << 20

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	def(&c.MaxItems, 10_000_000)
	def(&c.MaxBytes, 16<<30)
	def(&c.MaxItem, 1<<20)
	def(&c.MaxLeased, 100_000)
	def(&c.Lease, time.Minute)
	def(&c.MaxAttempts, 5)
	def(&c.Backoff.First, time.Second)
	def(&c.Backoff.Most, 5*time.Minute)
	def(&c.KeepResults, 10_000)
	def(&c.MaxResult, 64<<10)
	def(&c.IDWindow, 100_000)
	return c
}

func def[T comparable](p *T, d T) {
	if *p == *new(T) {
		*p = d
	}
}

// Validate reports every fault of a Config.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value int64
		least int64
	}{
		{"maxItems", c.MaxItems, 0},
		{"maxBytes", c.MaxBytes, 0},
		{"maxItem", int64(c.MaxItem), 0},
		{"maxLeased", int64(c.MaxLeased), 0},
		{"lease", int64(c.Lease), 0},
		{"maxAttempts", int64(c.MaxAttempts), 0},
		{"backoff.first", int64(c.Backoff.First), 0},
		{"backoff.most", int64(c.Backoff.Most), 0},
		{"keepResults", int64(c.KeepResults), -1},
		{"maxResult", int64(c.MaxResult), 0},
		{"idWindow", int64(c.IDWindow), 0},
		{"retain", int64(c.Retain), 0},
	} {
		if f.value < f.least {
			errs = append(errs, fmt.Errorf("%s: %d is below %d: %w", f.name, f.value, f.least, ErrInvalid))
		}
	}
	if c.MaxItem > HighestItem {
		errs = append(errs, fmt.Errorf("maxItem: %d is above %d: %w", c.MaxItem, HighestItem, ErrInvalid))
	}
	return errors.Join(errs...)
}

// CheckName refuses names of queues that no path or subject could carry.
func CheckName(queue string) error {
	if queue == "" || len(queue) > 200 {
		return fmt.Errorf("queue name of %d bytes; 1 to 200 are allowed: %w", len(queue), ErrInvalid)
	}
	for _, r := range queue {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' && r != '/' {
			return fmt.Errorf("queue name %q has %q; letters, digits and - _ . / are allowed: %w", queue, r, ErrInvalid)
		}
	}
	return nil
}
