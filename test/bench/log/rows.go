package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// A row is one figure beside its target and beside the best peer's. Its JSON
// is that of test/bench, and stable.
type row struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Target    float64 `json:"target"`            // 0: none
	AtLeast   bool    `json:"atLeast,omitempty"` // the target is a least, not a most
	Peer      string  `json:"peer,omitempty"`
	PeerValue float64 `json:"peerValue,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // Value / PeerValue
}

const (
	prefix = "log "
	rate   = "items/s"
)

// targets of our own figures; that of one in flight is 0.9 × beanstalkd.
var targets = map[string]float64{"put, 64 producers of one": 40_000, "put, window 256": 200_000, "put + lease + ack": 80_000}

func rowsOf(system, figure string, perSecond float64, p99 time.Duration) []row {
	name := prefix + system + ": " + figure
	rows := []row{{Name: name, Value: perSecond, Unit: rate}, {Name: name + ", p99", Value: float64(p99.Microseconds()) / 1000, Unit: "ms"}}
	if system == "nagi" {
		rows[0].Target, rows[0].AtLeast = targets[figure], true
	}
	return rows
}

// compare puts the best peer beside each of our rates, beanstalkd beside the
// one that names it.
func compare(rows []row) {
	for i := range rows {
		figure, ours := strings.CutPrefix(rows[i].Name, prefix+"nagi: ")
		if !ours || rows[i].Unit != rate {
			continue
		}
		for _, other := range rows {
			who, what, _ := strings.Cut(strings.TrimPrefix(other.Name, prefix), ": ")
			if who != "nagi" && what == figure && other.Value > rows[i].PeerValue {
				rows[i].Peer, rows[i].PeerValue = who, other.Value
				rows[i].Ratio = rows[i].Value / other.Value
			}
			if figure == "put, one in flight" && who == "beanstalkd" && what == figure {
				rows[i].Target = 0.9 * other.Value
			}
		}
	}
}

func print(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "value\t\ttarget\t\tbest peer\tratio\t \twhat")
	for _, r := range rows {
		target, mark, peer, ratio := "", "", "", ""
		if r.Target > 0 {
			target = fmt.Sprintf("%.0f", r.Target)
			mark = map[bool]string{true: "ok", false: "missed"}[r.Value >= r.Target]
		}
		if r.Peer != "" {
			peer, ratio = fmt.Sprintf("%s %.0f", r.Peer, r.PeerValue), fmt.Sprintf("%.2f", r.Ratio)
		}
		fmt.Fprintf(t, "%.2f\t%s\t%s\t%s\t%s\t%s\t \t%s\n", r.Value, r.Unit, target, mark, peer, ratio, r.Name)
	}
	_ = t.Flush() // to a terminal
}

// merge leaves the rows where other programs find them, beside those of
// other benches.
func merge(name string, rows []row) error {
	var all []json.RawMessage
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read rows: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(old, &all); err != nil {
			return fmt.Errorf("read rows of %s: %w", name, err)
		}
	}
	var kept []any
	for _, r := range all {
		var known struct{ Name string }
		if err := json.Unmarshal(r, &known); err != nil || !strings.HasPrefix(known.Name, prefix) {
			kept = append(kept, r)
		}
	}
	for _, r := range rows {
		kept = append(kept, r)
	}
	b, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}
