package meter

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Gather takes the figures of one moment.
type Gather struct {
	names    []string // in order of their first sample
	families map[string]*family
}

type family struct {
	kind, help string
	samples    []sample
}

type sample struct {
	labels []string // name, value, name, value
	value  float64
	h      *Histogram
}

// Counter adds a figure that only grows. labels are pairs of name and value.
func (g *Gather) Counter(name, help string, v float64, labels ...string) {
	g.add(name, "counter", help, sample{labels: labels, value: v})
}

// Gauge adds a figure that goes up and down.
func (g *Gather) Gauge(name, help string, v float64, labels ...string) {
	g.add(name, "gauge", help, sample{labels: labels, value: v})
}

// Histogram adds latencies. The name ends in _seconds.
func (g *Gather) Histogram(name, help string, h *Histogram, labels ...string) {
	g.add(name, "histogram", help, sample{labels: labels, h: h})
}

func (g *Gather) add(name, kind, help string, s sample) {
	f := g.families[name]
	if f == nil {
		if g.families == nil {
			g.families = map[string]*family{}
		}
		f = &family{kind: kind, help: help}
		g.families[name] = f
		g.names = append(g.names, name)
	}
	f.samples = append(f.samples, s)
}

// WriteText prints all for Prometheus.
func (g *Gather) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, name := range g.names {
		f := g.families[name]
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, f.help, name, f.kind)
		for _, s := range f.samples {
			if s.h != nil {
				s.writeHistogram(b, name)
				continue
			}
			line(b, name, s.labels, s.value)
		}
	}
	return b.Flush()
}

// The bounds that Prometheus sees: powers of two from 64 µs to 67 s.
const (
	firstBound = 6
	lastBound  = 26
)

func (s sample) writeHistogram(b *bufio.Writer, name string) {
	for e := firstBound; e <= lastBound; e++ {
		le := strconv.FormatFloat(float64(uint64(1)<<e)/1e6, 'g', -1, 64)
		line(b, name+"_bucket", append(s.labels[:len(s.labels):len(s.labels)], "le", le), float64(s.h.below(1<<e)))
	}
	n := float64(s.h.Count())
	line(b, name+"_bucket", append(s.labels[:len(s.labels):len(s.labels)], "le", "+Inf"), n)
	line(b, name+"_sum", s.labels, s.h.Sum().Seconds())
	line(b, name+"_count", s.labels, n)
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func line(b *bufio.Writer, name string, labels []string, v float64) {
	_, _ = b.WriteString(name) // Flush reports
	for i := 0; i+1 < len(labels); i += 2 {
		_ = b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(b, `%s="%s"`, labels[i], escape.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		_ = b.WriteByte('}')
	}
	fmt.Fprintf(b, " %s\n", strconv.FormatFloat(v, 'g', -1, 64))
}

// A Stat is one figure, as /stats shows it.
type Stat struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels,omitempty"`
	Value   *float64          `json:"value,omitempty"`
	Latency *Latency          `json:"latency,omitempty"`
}

// A Latency sums up a histogram, in milliseconds.
type Latency struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
}

// Stats returns all as values.
func (g *Gather) Stats() []Stat {
	all := []Stat{}
	for _, name := range g.names {
		for _, s := range g.families[name].samples {
			st := Stat{Name: name, Labels: map[string]string{}}
			for i := 0; i+1 < len(s.labels); i += 2 {
				st.Labels[s.labels[i]] = s.labels[i+1]
			}
			if s.h != nil {
				st.Latency = s.h.latency()
			} else {
				st.Value = &s.value
			}
			all = append(all, st)
		}
	}
	return all
}

func (h *Histogram) latency() *Latency {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	l := &Latency{Count: h.Count(), P50: ms(h.Quantile(.5)), P90: ms(h.Quantile(.9)), P99: ms(h.Quantile(.99)), P999: ms(h.Quantile(.999))}
	if l.Count > 0 {
		l.Mean = ms(h.Sum()) / float64(l.Count)
	}
	return l
}
