package main

import (
	"context"

	"nagi.dev/bus"
)

// A record is a log that has only results.
type record struct {
	bus.Log
	results []bus.Result
}

func (r *record) Results(_ context.Context, _ string, from uint64, _ int) (out []bus.Result, err error) {
	for _, x := range r.results {
		if x.Completion >= from {
			out = append(out, x)
		}
	}
	return out, nil
}

// whole is a trial in which nothing went wrong.
func whole() (told, *record) {
	a := newTold()
	entries := []bus.Entry{{ID: "a"}, {ID: "b"}}
	a.sent(entries)
	a.appended(entries, []uint64{1, 2})
	a.settled([]bus.Verdict{{Number: 1, Token: 11, Act: bus.Done}, {Number: 2, Token: 12, Act: bus.Done}}, make([]error, 2))
	return a, &record{results: []bus.Result{
		{Completion: 1, Number: 1, Token: 11, ID: "a", Result: []byte("a")},
		{Completion: 2, Number: 2, Token: 12, ID: "b", Result: []byte("b")},
	}}
}
