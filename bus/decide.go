package bus

import (
	"fmt"
	"time"
)

// An Outcome is what becomes of an item that had a lease.
type Outcome struct {
	Gone    bool      // done: it leaves the queue, or stays to be read
	Dead    bool      // a dead letter
	Ready   time.Time // else: handed out again from then on
	Until   time.Time // with Extend: still leased, until then
	Attempt int       // what counts from now on
	Reason  string    // with Dead
}

// Decide says what a verdict does to an item on its attempt-th lease.
func (c Config) Decide(v Verdict, attempt int, now time.Time) Outcome {
	switch v.Act {
	case Done:
		return Outcome{Gone: true, Attempt: attempt}
	case Extend:
		return Outcome{Until: now.Add(c.LeaseFor(v.For)), Attempt: attempt}
	case Release:
		return Outcome{Ready: now.Add(max(v.For, 0)), Attempt: attempt - 1}
	case Bury:
		return Outcome{Dead: true, Attempt: attempt, Reason: v.Reason}
	default:
		return c.failed(v, attempt, now)
	}
}

func (c Config) failed(v Verdict, attempt int, now time.Time) Outcome {
	if attempt >= c.MaxAttempts {
		return Outcome{Dead: true, Attempt: attempt, Reason: fmt.Sprintf("attempt %d of %d: %s", attempt, c.MaxAttempts, v.Reason)}
	}
	wait := v.For
	if wait <= 0 {
		wait = c.Backoff.After(attempt)
	}
	return Outcome{Ready: now.Add(wait), Attempt: attempt}
}

// After is the pause after the attempt-th failure: First, twice that, and so
// on up to Most.
func (b Backoff) After(attempt int) time.Duration {
	d := b.First
	for range min(attempt-1, 62) {
		if d >= b.Most/2 {
			return b.Most
		}
		d *= 2
	}
	return min(d, b.Most)
}

// Expired is the verdict on a lease that ran out.
func Expired(number, token uint64, owner string) Verdict {
	if owner == "" {
		owner = "an unnamed worker"
	}
	return Verdict{Number: number, Token: token, Act: Again, Reason: "the lease of " + owner + " ran out"}
}

// LeaseFor is the length of a lease that asks for d.
func (c Config) LeaseFor(d time.Duration) time.Duration {
	if d <= 0 {
		return c.Lease
	}
	return d
}

// Before says whether an item is handed out before another.
func Before(priority int8, number uint64, otherPriority int8, otherNumber uint64) bool {
	if priority != otherPriority {
		return priority > otherPriority
	}
	return number < otherNumber
}

// Admit refuses entries that a queue with these counts must not take. A
// stream makes room by itself, so only its single items can be too large.
func (c Config) Admit(have Counts, entries []Entry) error {
	if c.Closed {
		return ErrDrained
	}
	var bytes int64
	for i, e := range entries {
		if err := c.admit(e); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		bytes += int64(len(e.Body))
	}
	if c.Stream {
		return nil
	}
	if n := have.Waiting() + have.Dead + int64(len(entries)); n > c.MaxItems {
		return fmt.Errorf("%d items would be above maxItems %d: %w", n, c.MaxItems, ErrFull)
	}
	if n := have.Bytes + bytes; n > c.MaxBytes {
		return fmt.Errorf("%d bytes would be above maxBytes %d: %w", n, c.MaxBytes, ErrFull)
	}
	return nil
}

func (c Config) admit(e Entry) error {
	if len(e.Body) > c.MaxItem {
		return fmt.Errorf("a body of %d bytes is above maxItem %d: %w", len(e.Body), c.MaxItem, ErrInvalid)
	}
	if len(e.ID) > 255 {
		return fmt.Errorf("an ID of %d bytes is above 255: %w", len(e.ID), ErrInvalid)
	}
	if e.Delay < 0 {
		return fmt.Errorf("a delay of %s is below zero: %w", e.Delay, ErrInvalid)
	}
	if c.Stream && (e.Delay > 0 || e.Priority != 0) {
		return fmt.Errorf("a stream has no delay and no priority: %w", ErrInvalid)
	}
	return nil
}

// Check refuses a verdict that says nothing, or too much.
func (c Config) Check(v Verdict) error {
	if v.Act < Done || v.Act > Bury {
		return fmt.Errorf("verdict %d on item %d: %w", v.Act, v.Number, ErrInvalid)
	}
	if n := max(len(v.Result), len(v.Reason)); n > c.MaxResult {
		return fmt.Errorf("a result or reason of %d bytes is above maxResult %d: %w", n, c.MaxResult, ErrInvalid)
	}
	if len(v.Emit) > 0 && v.Act != Done {
		return fmt.Errorf("only what is done can emit: %w", ErrInvalid)
	}
	return nil
}

// End is the end of a text, at most n bytes: what is kept of a long log.
func End(s string, n int) string {
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}
