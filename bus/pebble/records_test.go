package pebble

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/bus"
)

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	held := &lease{token: 1 << 60, attempt: 3, until: 1 << 61, priority: -128, size: 9, id: "i", owner: "o"}
	if got, err := decodeLease(held.encode()); err != nil || *got != *held {
		t.Errorf("lease %+v %v", got, err)
	}
	d := death{at: 5, attempt: 2, reason: "r", tail: "t"}
	if got, err := decodeDeath(d.encode()); err != nil || got != d {
		t.Errorf("death %+v %v", got, err)
	}
	r := bus.Result{Completion: 7, Number: 1, Token: 2, ID: "i", Owner: "o", Attempt: 3, At: time.UnixMilli(99).UTC(), Result: []byte("x")}
	got, err := decodeResult(7, encodeResult(r))
	if d := cmp.Diff(r, got); d != "" || err != nil {
		t.Error(d, err)
	}
	c := newCounters()
	c.next, c.Ready, c.Failed = 9, 8, 7
	c.enter(127, 3)
	c.enter(-128, 4)
	back, err := decodeCounters(c.encode(nil))
	if err != nil || back.next != 9 || back.Ready != 10 || back.Failed != 7 || back.lanes[127].count != 1 || back.lanes[-128].count != 1 || back.laneOrder[0] != 127 {
		t.Errorf("counters %+v %v", back, err)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte{})
	f.Add(item{priority: 3, id: "x"}.head(nil))
	f.Add((&lease{token: 9, owner: "w"}).encode())
	f.Add(encodeResult(bus.Result{Number: 1, Result: []byte("r")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Whatever is there, decoding ends, without a panic and without
		// more memory than the value has.
		if it, err := decodeItem(b); err == nil && len(it.body)+len(it.id) > len(b) {
			t.Errorf("an item of %d bytes out of %d", len(it.body), len(b))
		}
		_, _ = decodeLease(b)
		_, _ = decodeDeath(b)
		_, _ = decodeResult(1, b)
		_, _ = decodeCounters(b)
		_, _, _ = decodeMeta(b)
	})
}
