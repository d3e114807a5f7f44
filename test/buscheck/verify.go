package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"nagi.dev/bus"
)

// told is what clients were told, and nothing else.
type told struct {
	mu     *sync.Mutex // guards the rest
	ids    map[string]bool
	number map[string]uint64 // of an acknowledged ID
	done   map[uint64]uint64 // number: the token whose completion was acknowledged
	token  map[uint64]uint64 // number: the highest token of a lease
	faults []error
}

func newTold() told {
	return told{mu: &sync.Mutex{}, ids: map[string]bool{}, number: map[string]uint64{}, done: map[uint64]uint64{}, token: map[uint64]uint64{}}
}

func (t *told) sent(entries []bus.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		t.ids[e.ID] = true
	}
}

func (t *told) appended(entries []bus.Entry, numbers []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, e := range entries {
		t.number[e.ID] = numbers[i]
	}
}

func (t *told) leased(it bus.Item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if string(it.Body) != it.ID || !t.ids[it.ID] {
		t.fault("item %d has ID %q and body %q, which nobody sent so", it.Number, it.ID, it.Body)
	}
	t.token[it.Number] = max(t.token[it.Number], it.Token)
}

func (t *told) settled(verdicts []bus.Verdict, errs []error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, v := range verdicts {
		if v.Act != bus.Done || errs[i] != nil {
			continue
		}
		if other, twice := t.done[v.Number]; twice && other != v.Token {
			t.fault("item %d was acknowledged as done with token %d and with %d", v.Number, other, v.Token)
		}
		t.done[v.Number] = v.Token
	}
}

func (t *told) fault(format string, args ...any) {
	t.faults = append(t.faults, fmt.Errorf(format, args...))
}

// results reads everything that the log has recorded.
func results(ctx context.Context, log bus.Log) (all []bus.Result, err error) {
	for from := uint64(1); ; {
		r, err := log.Results(ctx, name, from, 10_000)
		if err != nil || len(r) == 0 {
			return all, err
		}
		all = append(all, r...)
		from = r[len(r)-1].Completion + 1
	}
}

// verify compares it with what the clients were told.
func (t *told) verify(ctx context.Context, log bus.Log, out io.Writer) error {
	all, err := results(ctx, log)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	byID, byNumber := map[string]bus.Result{}, map[uint64]bus.Result{}
	for i, r := range all {
		if _, twice := byID[r.ID]; twice {
			t.fault("%s was recorded twice", r.ID)
		}
		if _, twice := byNumber[r.Number]; twice {
			t.fault("item %d was recorded twice", r.Number)
		}
		if !t.ids[r.ID] || string(r.Result) != r.ID || r.Completion != uint64(i+1) {
			t.fault("nobody caused the record %+v", r)
		}
		byID[r.ID], byNumber[r.Number] = r, r
	}
	for id, n := range t.number {
		if r, ok := byID[id]; !ok || r.Number != n {
			t.fault("%s was acknowledged as item %d and is not recorded", id, n)
		}
	}
	for n, token := range t.done {
		if byNumber[n].Token != token {
			t.fault("item %d was acknowledged with token %d, recorded is %+v", n, token, byNumber[n])
		}
	}
	fmt.Fprintf(out, "%d items acknowledged, %d completions acknowledged, %d recorded, %d faults\n", len(t.number), len(t.done), len(all), len(t.faults))
	if len(t.number) == 0 || len(t.done) == 0 {
		t.fault("nothing was acknowledged: nothing was tested")
	}
	return errors.Join(slices.Clip(t.faults[:min(len(t.faults), 20)])...)
}
