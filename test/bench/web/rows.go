package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// A row is one figure beside its target and beside a peer's. Its JSON is that
// of the other benches.
type row struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Target    float64 `json:"target"` // at most, unless AtLeast; 0: none
	AtLeast   bool    `json:"atLeast,omitempty"`
	Peer      string  `json:"peer,omitempty"`
	PeerValue float64 `json:"peerValue,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // Value / PeerValue
}

const ours = "nagi"

// median of one figure of all samples.
func median(all []sample, of func(sample) float64) float64 {
	if len(all) == 0 {
		return 0
	}
	v := make([]float64, len(all))
	for i, s := range all {
		v[i] = of(s)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// goals are what the design asks for: multiples of a peer's figure.
var goals = []struct {
	size, peer string
	cpu, rate  float64
	p99        float64
}{
	{"0", "haproxy", 1, 0.95, 0},
	{"1k", "haproxy", 1, 0.95, 0},
	{"100k", "nginx", 1.05, 0, 0},
	{"100k", "haproxy", 0, 0, 2},
	{"0", "nginx", 0, 0, 0},
	{"1k", "nginx", 0, 0, 0},
	{"0", "ReverseProxy", 0, 0, 0},
	{"1k", "ReverseProxy", 0, 0, 0},
	{"100k", "ReverseProxy", 0, 0, 0},
}

func (r *results) rows() (rows []row) {
	for _, g := range goals {
		mine, theirs := r.samples[ours+" "+g.size], r.samples[g.peer+" "+g.size]
		if len(mine) == 0 || len(theirs) == 0 {
			continue
		}
		add := func(what, unit string, goal float64, least bool, of func(sample) float64) {
			x := row{Name: "http router, " + g.size + ": " + what, Value: median(mine, of), Unit: unit, AtLeast: least, Peer: g.peer, PeerValue: median(theirs, of)}
			x.Ratio, x.Target = x.Value/x.PeerValue, goal*x.PeerValue
			rows = append(rows, x)
		}
		add("processor time of 100k requests", "s", g.cpu, false, func(s sample) float64 { return s.cpu })
		add("requests a second", "1/s", g.rate, true, func(s sample) float64 { return s.rate })
		base := r.direct[g.size]
		p50, p99 := median(base, func(s sample) float64 { return s.p50 }), median(base, func(s sample) float64 { return s.p99 })
		add("added p50", "ms", 0, false, func(s sample) float64 { return s.p50 - p50 })
		add("added p99", "ms", 0, false, func(s sample) float64 { return s.p99 - p99 })
		add("p99", "ms", g.p99, false, func(s sample) float64 { return s.p99 })
	}
	for _, p := range []string{"haproxy", "nginx", "ReverseProxy"} {
		if r.idle[p] == 0 || r.idle[ours] == 0 {
			continue
		}
		add := func(what, unit string, target float64, of map[string]float64) {
			rows = append(rows, row{Name: "http router: " + what, Value: of[ours], Unit: unit, Target: target, Peer: p, PeerValue: of[p], Ratio: of[ours] / of[p]})
		}
		add("idle memory", "MB", 12, r.idle)
		add("memory under load", "MB", 0, r.loaded)
		add("an idle connection", "KiB", 1, r.perConn)
	}
	return rows
}

func (r row) mark() string {
	switch {
	case r.Target == 0:
		return ""
	case r.AtLeast && r.Value >= r.Target, !r.AtLeast && r.Value <= r.Target:
		return "ok"
	}
	return "missed"
}

func show(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "value\t\ttarget\t\tpeer\tratio\t \twhat")
	for _, r := range rows {
		target := ""
		if r.Target != 0 {
			target = fmt.Sprintf("%.2f", r.Target)
		}
		fmt.Fprintf(t, "%.2f\t%s\t%s\t%s\t%s %.2f\t%.2f\t \t%s\n", r.Value, r.Unit, target, r.mark(), r.Peer, r.PeerValue, r.Ratio, r.Name)
	}
	_ = t.Flush() // to a terminal
}

// merge puts rows into a file and leaves those with other names there.
func merge(name string, rows []row) error {
	all := []row{}
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read rows: %w", err)
	}
	all = slices.DeleteFunc(all, func(o row) bool {
		return slices.ContainsFunc(rows, func(r row) bool { return r.Name == o.Name && r.Peer == o.Peer })
	})
	if b, err = json.MarshalIndent(append(all, rows...), "", "  "); err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	if err := os.WriteFile(name, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
