package pebble

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A syncer shares one sync among all who wait for one. Of those who wait, one
// leads: it syncs, answers its round and passes the lead to a member of the
// next. A member is in its round before it looks whether somebody leads, so
// no wake-up is lost: whoever ends a round finds it.
type syncer struct {
	sync func() error

	mu   sync.Mutex // guards what follows
	next *round     // covers what was applied before it is taken; nil: nobody waits
	busy bool       // somebody leads
}

// A round is a sync to come.
type round struct {
	lead chan struct{} // holds one word: you lead
	done chan struct{} // closed when it is over
	err  error         // valid then
}

// wait returns when what was applied before the call is durable.
func (s *syncer) wait() error {
	s.mu.Lock()
	r := s.next
	if r == nil {
		r = &round{lead: make(chan struct{}, 1), done: make(chan struct{})}
		s.next = r
	}
	leads := !s.busy
	s.busy = true
	s.mu.Unlock()
	if !leads {
		select {
		case <-r.done:
			return r.err
		case <-r.lead:
		}
	}
	s.lead(r)
	return r.err
}

// lead syncs for a round, which is the next one as long as it is not taken.
func (s *syncer) lead(r *round) {
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	r.err = s.sync()
	close(r.done)
	s.pass()
}

// tryLead takes the lead if nobody has it. Whoever takes it passes it on.
func (s *syncer) tryLead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return false
	}
	s.busy = true
	return true
}

// pass gives the lead to a member of the next round, if there is one.
func (s *syncer) pass() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.busy = false
		return
	}
	s.next.lead <- struct{}{}
}

// flush makes everything that was applied durable.
func (l *Log) flush() error {
	if err := l.db.LogData(nil, pebble.Sync); err != nil {
		l.fail(err)
	}
	return l.broken()
}
