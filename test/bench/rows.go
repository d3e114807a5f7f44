package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// A row is one figure beside its target and beside a peer's. Its JSON is
// stable.
type row struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Target    float64 `json:"target"` // at most; 0: none
	Peer      string  `json:"peer,omitempty"`
	PeerValue float64 `json:"peerValue,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // Value / PeerValue
}

// A figure is what is known of a row before it is measured. The peers' values
// were measured on a two-core machine; "spike" is the study that this engine
// grew out of.
type figure struct {
	name, unit string
	target     float64
	peer       string
	peerValue  float64
}

var (
	firstStart  = figure{"first start to node Ready, no image pulled", "s", 4, "k3d", 19.9}
	restarted   = figure{"restart to API ready, pods untouched", "s", 2, "spike", 3.25}
	idleRSS     = figure{"idle memory, resident (shared pages count in each process)", "MB", 0, "k3s", 535}
	idlePSS     = figure{"idle memory, proportional", "MB", 450, "spike", 354}
	idleCPU     = figure{"idle processor time of one core", "%", 4, "k3s", 5}
	threeReady  = figure{"3 replicas, apply to ready", "s", 2.7, "spike", 2.7}
	crowdReady  = figure{"pods on one node to Ready", "s", 25, "spike", 34.5}
	crowdMemory = figure{"memory with these pods, proportional, without them", "MB", 0, "", 0}
)

func (f figure) row(value float64) row {
	r := row{Name: f.name, Value: value, Unit: f.unit, Target: f.target, Peer: f.peer, PeerValue: f.peerValue}
	if f.peerValue > 0 {
		r.Ratio = value / f.peerValue
	}
	return r
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func print(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "value\t\ttarget\t\tpeer\tratio\t \twhat")
	for _, r := range rows {
		mark := map[bool]string{true: "ok", false: "missed"}[r.Value <= r.Target]
		target, peer, ratio := fmt.Sprint(r.Target), fmt.Sprint(r.Peer, " ", r.PeerValue), fmt.Sprintf("%.2f", r.Ratio)
		if r.Target == 0 {
			mark, target = "", ""
		}
		if r.Peer == "" {
			peer, ratio = "", ""
		}
		fmt.Fprintf(t, "%.2f\t%s\t%s\t%s\t%s\t%s\t \t%s\n", r.Value, r.Unit, target, mark, peer, ratio, r.Name)
	}
	_ = t.Flush() // to a terminal
}

// write leaves the rows where other programs find them.
func write(name string, rows []row) error {
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
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
