package meter

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBucketsFollowEachOther(t *testing.T) {
	for us := uint64(0); us < 1<<20; us++ {
		i := bucket(us)
		if us >= upper(i) || i > 0 && us < upper(i-1) {
			t.Fatalf("%d µs is in bucket %d, which is %d to %d", us, i, upper(i-1), upper(i))
		}
	}
	if i := bucket(1 << 60); i != buckets-1 {
		t.Errorf("a very long time is in bucket %d", i)
	}
}

func TestQuantilesAreOffByAnEighthAtMost(t *testing.T) {
	var h Histogram
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rand.ExpFloat64() * float64(3*time.Millisecond))
		all = append(all, d)
		h.Observe(d)
	}
	slices.Sort(all)
	for _, q := range []float64{.5, .9, .99, .999} {
		want := all[int(q*10_000)]
		if got := h.Quantile(q); got < want || got > want*9/8+2*time.Microsecond {
			t.Errorf("quantile %v: %s, want %s", q, got, want)
		}
	}
}

func TestGatherPrintsForPrometheus(t *testing.T) {
	var h Histogram
	h.Observe(100 * time.Microsecond)
	h.ObserveAtomic(3 * time.Second)
	var g Gather
	g.Counter("nagi_requests_total", "Requests.", 3, "pool", `a"b`)
	g.Gauge("nagi_open", "Open.", 1)
	g.Counter("nagi_requests_total", "Requests.", 4, "pool", "c", "shard", "0")
	g.Histogram("nagi_latency_seconds", "Latency.", &h, "pool", "c")
	var b strings.Builder
	if err := g.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# HELP nagi_requests_total Requests.\n# TYPE nagi_requests_total counter\n" +
			"nagi_requests_total{pool=\"a\\\"b\"} 3\nnagi_requests_total{pool=\"c\",shard=\"0\"} 4\n",
		"nagi_open 1\n",
		"nagi_latency_seconds_bucket{pool=\"c\",le=\"6.4e-05\"} 0\nnagi_latency_seconds_bucket{pool=\"c\",le=\"0.000128\"} 1\n",
		"nagi_latency_seconds_bucket{pool=\"c\",le=\"+Inf\"} 2\nnagi_latency_seconds_sum{pool=\"c\"} 3.0001\nnagi_latency_seconds_count{pool=\"c\"} 2\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no\n%s in\n%s", want, b.String())
		}
	}
	if _, err := json.Marshal(g.Stats()); err != nil {
		t.Error(err)
	}
}
