package pebble

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// TestEveryWaiterIsAnsweredByALaterSync has many wait at once, for a sync
// that ends at once: the moment at which wake-ups are lost, if any are.
func TestEveryWaiterIsAnsweredByALaterSync(t *testing.T) {
	var applied, synced atomic.Int64
	s := &syncer{}
	s.sync = func() error {
		n := applied.Load()
		for old := synced.Load(); old < n && !synced.CompareAndSwap(old, n); old = synced.Load() {
		}
		return nil
	}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 20_000 {
				alone := i%2 == 0 && s.tryLead()
				mine := applied.Add(1)
				if alone {
					_ = s.sync()
					s.pass()
				} else if err := s.wait(); err != nil {
					t.Error(err)
				}
				if synced.Load() < mine {
					t.Errorf("change %d was answered when only %d were synced", mine, synced.Load())
					return
				}
			}
		})
	}
	all.Wait()
	if s.busy || s.next != nil {
		t.Error("somebody still waits or leads")
	}
}

func TestAFailedSyncIsToldToItsWholeRound(t *testing.T) {
	begun := make(chan bool)
	cause := errors.New("disk on fire")
	s := &syncer{}
	s.sync = func() error { return cause }
	if !s.tryLead() {
		t.Fatal("nobody led")
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			begun <- true
			if err := s.wait(); !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		})
	}
	for range 5 {
		<-begun
	}
	s.pass()
	all.Wait()
}
