package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the server that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		exit(serve(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

func TestNothingIsLostUnderKills(t *testing.T) {
	var out strings.Builder
	trial := trial{span: 4 * time.Second, seed: 7, producers: 4, workers: 4, dir: t.TempDir()}
	if err := trial.run(t.Context(), &out); err != nil {
		t.Error(err)
	}
	t.Log(out.String())
	if trial.kills < 2 {
		t.Errorf("the server was killed %d times", trial.kills)
	}
}

// TestTheCheckerSees makes each fault up that it looks for.
func TestTheCheckerSees(t *testing.T) {
	for name, spoil := range map[string]func(*told, *record){
		"a lost item":                     func(_ *told, r *record) { r.results = r.results[:1] },
		"an item recorded twice":          func(_ *told, r *record) { r.results[1].Number, r.results[1].ID = 1, "a" },
		"a completion by another worker":  func(_ *told, r *record) { r.results[0].Token = 99 },
		"a record that nobody caused":     func(a *told, _ *record) { delete(a.ids, "b") },
		"a result that is not the item's": func(_ *told, r *record) { r.results[1].Result = []byte("a") },
		"a gap between completions":       func(_ *told, r *record) { r.results[1].Completion = 5 },
		"a trial without acknowledgments": func(a *told, r *record) { *a, r.results = newTold(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			a, r := whole()
			if err := a.verify(t.Context(), r, &strings.Builder{}); err != nil {
				t.Fatal("before:", err)
			}
			spoil(&a, r)
			if err := a.verify(t.Context(), r, &strings.Builder{}); err == nil {
				t.Error("it was not seen")
			}
		})
	}
}
