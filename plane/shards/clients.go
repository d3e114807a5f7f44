package shards

import (
	"errors"
	"fmt"
	"time"

	"nagi.dev/plane/config"
)

// A Waiter is a client that may have a reason to stay although it is silent.
type Waiter interface {
	Waits() bool
}

// Clients are those of a service. They stand in a ring, with a start that is none.
type Clients struct{ start Replies }

// Add takes in a client that has just come.
func (l *Clients) Add(r *Replies, w Waiter) {
	if l.start.next == nil {
		l.start.next, l.start.prev = &l.start, &l.start
	}
	r.waiter = w
	r.Seen = r.Conn.Loop().Now()
	r.next, r.prev = &l.start, l.start.prev
	r.prev.next, l.start.prev = r, r
}

// Remove forgets a client, and gives back what it held.
func (l *Clients) Remove(r *Replies) {
	r.prev.next, r.next.prev = r.next, r.prev
	r.next, r.prev = nil, nil
	r.Conn.Loop().Return(r.side)
	r.side, r.ring = nil, nil
}

// Empty says whether nobody is there.
func (l *Clients) Empty() bool { return l.start.next == nil || l.start.next == &l.start }

// Sweep closes clients that have said nothing for so long, unless idle is below
// zero, and takes back what those hold that do nothing now.
func (l *Clients) Sweep(now, idle time.Duration) {
	if l.Empty() {
		return
	}
	for c := l.start.next; c != &l.start; {
		next := c.next
		if c.Idle() && len(c.ring) > 4 {
			c.ring = nil
		}
		if idle > 0 && c.Idle() && !c.waiter.Waits() && now-c.Seen > idle {
			c.Conn.Finish()
		}
		c = next
	}
}

// Offered refuses, by name, what a listener of the document may ask for and
// codecs of keys do not do.
func Offered(l *config.Listener) error {
	r := &l.Routes[0]
	var errs []error
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"tls", l.TLS != nil},
		{"rateLimit", l.RateLimit != nil},
		{"routes[0].limit", r.Limit != nil},
		{"routes[0].tee", r.Tee != nil},
		{"routes[0].retry", r.Retry != nil},
		{"routes[0].sticky", r.Sticky != nil},
		{"routes[0].key", r.Key != ""},
	} {
		if f.set {
			errs = append(errs, fmt.Errorf("%s: %s does not offer it", f.name, l.Protocol))
		}
	}
	if len(r.Arms) != 1 {
		errs = append(errs, fmt.Errorf("routes[0].arms: %s has one: a key belongs to one pool", l.Protocol))
	}
	return errors.Join(errs...)
}
