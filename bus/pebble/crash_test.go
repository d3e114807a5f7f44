package pebble_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"nagi.dev/bus"
	"nagi.dev/bus/pebble"
)

// acknowledged is what a log said was done, so what must be there after any
// crash.
type acknowledged struct {
	mu       sync.Mutex        // guards the rest
	appended map[uint64]bool   // numbers
	done     map[uint64]uint64 // number: token
	token    uint64            // the highest seen
}

func (a *acknowledged) snapshot() *acknowledged {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := &acknowledged{appended: map[uint64]bool{}, done: map[uint64]uint64{}, token: a.token}
	for n := range a.appended {
		c.appended[n] = true
	}
	for n, t := range a.done {
		c.done[n] = t
	}
	return c
}

// TestPowerCut lets producers and workers run, takes copies of the disk as a
// power cut would leave it, and opens each.
func TestPowerCut(t *testing.T) {
	for seed := range 6 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			a := &acknowledged{appended: map[uint64]bool{}, done: map[uint64]uint64{}}
			l := open(t, pebble.Options{Dir: "log", FS: disk})
			if err := l.Configure(t.Context(), "q", bus.Config{KeepResults: 1_000_000, MaxAttempts: 100, Backoff: bus.Backoff{First: 1}}); err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			var all sync.WaitGroup
			for p := range 4 {
				all.Go(func() { produce(t, l, a, p, stop) })
				all.Go(func() { work(t, l, a, p, stop) })
			}
			rng := rand.New(rand.NewPCG(uint64(seed), 1))
			var clones []*vfs.MemFS
			var claims []*acknowledged
			for range 4 {
				before := len(a.snapshot().done)
				for len(a.snapshot().done) < before+20+rng.IntN(300) {
					time.Sleep(100 * time.Microsecond)
				}
				claims = append(claims, a.snapshot()) // before the cut
				clones = append(clones, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(3) * 40, RNG: rng}))
			}
			close(stop)
			all.Wait()
			for i, c := range clones {
				verify(t, c, claims[i])
			}
		})
	}
}

func produce(t *testing.T, l bus.Log, a *acknowledged, p int, stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		var entries []bus.Entry
		for j := range 1 + i%5 {
			entries = append(entries, bus.Entry{ID: fmt.Sprint(p, ".", i, ".", j), Body: make([]byte, 100), Priority: int8(j % 2), Delay: time.Duration(j%3) * time.Millisecond})
		}
		numbers, err := l.Append(t.Context(), "q", entries)
		if err != nil {
			t.Error(err)
			return
		}
		a.mu.Lock()
		for _, n := range numbers {
			a.appended[n] = true
		}
		a.mu.Unlock()
	}
}

func work(t *testing.T, l bus.Log, a *acknowledged, p int, stop chan struct{}) {
	for i := p; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		items, err := l.Lease(t.Context(), "q", bus.Want{Most: 1 + i%9, Wait: time.Millisecond})
		if err != nil {
			t.Error(err)
			return
		}
		var verdicts []bus.Verdict
		for j, it := range items {
			act := []bus.Act{bus.Done, bus.Done, bus.Done, bus.Again, bus.Release}[(i+j)%5]
			verdicts = append(verdicts, bus.Verdict{Number: it.Number, Token: it.Token, Act: act})
		}
		errs, err := l.Settle(t.Context(), "q", verdicts)
		if err != nil {
			t.Error(err)
			return
		}
		a.mu.Lock()
		for j, v := range verdicts {
			a.token = max(a.token, v.Token)
			if errs[j] == nil && v.Act == bus.Done {
				a.done[v.Number] = v.Token
			}
		}
		a.mu.Unlock()
	}
}

// verify opens a disk and compares it with what was acknowledged.
func verify(t *testing.T, disk vfs.FS, a *acknowledged) {
	t.Helper()
	l := open(t, pebble.Options{Dir: "log", FS: disk})
	defer l.Close()
	results := map[uint64]bus.Result{}
	for from := uint64(1); ; {
		r, err := l.Results(t.Context(), "q", from, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(r) == 0 {
			break
		}
		for _, one := range r {
			if other, twice := results[one.Number]; twice {
				t.Errorf("item %d was recorded twice: %+v and %+v", one.Number, other, one)
			}
			if one.Completion != from {
				t.Errorf("completion %d follows %d", one.Completion, from-1)
			}
			results[one.Number], from = one, one.Completion+1
		}
	}
	for n, token := range a.done {
		if results[n].Token != token {
			t.Errorf("item %d was completed with token %d, the log has %+v", n, token, results[n])
		}
	}
	there := stateCounts(t, l, results)
	for n := range a.appended {
		if !there[n] && results[n].Number == 0 {
			t.Errorf("item %d was acknowledged and is lost", n)
		}
	}
	items, err := l.Lease(t.Context(), "q", bus.Want{Wait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if it.Token <= a.token {
			t.Errorf("token %d after the cut, %d before", it.Token, a.token)
		}
	}
}

// stateCounts compares the kept counts with what is there, and returns it.
func stateCounts(t *testing.T, l bus.Log, results map[uint64]bus.Result) map[uint64]bool {
	t.Helper()
	c, err := l.Count(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	there, waiting := map[uint64]bool{}, int64(0)
	for _, s := range []bus.State{bus.Ready, bus.Delayed, bus.Leased, bus.Dead} {
		items, err := l.Peek(t.Context(), "q", s, 0, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			if there[it.Number] || results[it.Number].Number != 0 {
				t.Errorf("item %d is in two states", it.Number)
			}
			there[it.Number] = true
		}
		waiting += int64(len(items))
	}
	if waiting != c.Waiting()+c.Dead || c.Completed != uint64(len(results)) {
		t.Errorf("counts are %+v, there are %d items and %d results", c, waiting, len(results))
	}
	if want := c.Waiting() + c.Dead; c.Bytes != 100*want {
		t.Errorf("%d bytes are counted for %d items of 100", c.Bytes, want)
	}
	return there
}
