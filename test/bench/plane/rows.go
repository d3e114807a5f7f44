package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// A row is one figure beside its target and beside a peer's, in the shape of
// test/bench.
type row struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Target    float64 `json:"target"`          // at most; 0: none
	Least     float64 `json:"least,omitempty"` // at least; 0: none
	Peer      string  `json:"peer,omitempty"`
	PeerValue float64 `json:"peerValue,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // Value / PeerValue
}

// beside puts a peer's figure to r, and targets as multiples of it.
func (r row) beside(peer string, value, most, least float64) row {
	r.Peer, r.PeerValue = peer, value
	r.Target, r.Least = most*value, least*value
	if value > 0 {
		r.Ratio = r.Value / value
	}
	return r
}

func (r row) mark() string {
	switch {
	case r.Target > 0 && r.Value > r.Target, r.Least > 0 && r.Value < r.Least:
		return "missed"
	case r.Target > 0, r.Least > 0:
		return "ok"
	}
	return ""
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func print(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "value\t\ttarget\t\tpeer\tratio\t \twhat")
	for _, r := range rows {
		target, peer, ratio := "", "", ""
		if r.Target > 0 {
			target = fmt.Sprintf("<= %.2f", r.Target)
		} else if r.Least > 0 {
			target = fmt.Sprintf(">= %.2f", r.Least)
		}
		if r.Peer != "" {
			peer, ratio = fmt.Sprintf("%s %.2f", r.Peer, r.PeerValue), fmt.Sprintf("%.2f", r.Ratio)
		}
		fmt.Fprintf(t, "%.2f\t%s\t%s\t%s\t%s\t%s\t \t%s\n", r.Value, r.Unit, target, r.mark(), peer, ratio, r.Name)
	}
	_ = t.Flush() // to a terminal
}

// write puts rows into a file, in the place of those with the same names.
func write(name string, rows []row) error {
	var all []row
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read rows: %w", err)
	}
	for _, r := range rows {
		i := slices.IndexFunc(all, func(x row) bool { return x.Name == r.Name })
		if i < 0 {
			all = append(all, r)
		} else {
			all[i] = r
		}
	}
	if b, err = json.MarshalIndent(all, "", "  "); err != nil {
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
