package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/bus"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	c := bus.Config{MaxAttempts: 3, Backoff: bus.Backoff{First: time.Second, Most: 3 * time.Second}}.WithDefaults()
	for _, tt := range []struct {
		name    string
		verdict bus.Verdict
		attempt int
		want    bus.Outcome
	}{
		{
			name:    "what is done leaves the queue",
			verdict: bus.Verdict{Act: bus.Done}, attempt: 2,
			want: bus.Outcome{Gone: true, Attempt: 2},
		},
		{
			name:    "an extended lease begins anew",
			verdict: bus.Verdict{Act: bus.Extend}, attempt: 1,
			want: bus.Outcome{Until: noon.Add(time.Minute), Attempt: 1},
		},
		{
			name:    "a failed attempt waits the back-off",
			verdict: bus.Verdict{Act: bus.Again, Reason: "no"}, attempt: 1,
			want: bus.Outcome{Ready: noon.Add(time.Second), Attempt: 1},
		},
		{
			name:    "a second failed attempt waits twice as long",
			verdict: bus.Verdict{Act: bus.Again, Reason: "no"}, attempt: 2,
			want: bus.Outcome{Ready: noon.Add(2 * time.Second), Attempt: 2},
		},
		{
			name:    "a worker that names a delay gets it",
			verdict: bus.Verdict{Act: bus.Again, For: time.Hour}, attempt: 1,
			want: bus.Outcome{Ready: noon.Add(time.Hour), Attempt: 1},
		},
		{
			name:    "the last failed attempt makes a dead letter with its reason",
			verdict: bus.Verdict{Act: bus.Again, Reason: "no"}, attempt: 3,
			want: bus.Outcome{Dead: true, Attempt: 3, Reason: "attempt 3 of 3: no"},
		},
		{
			name:    "what is given back has not been tried",
			verdict: bus.Verdict{Act: bus.Release}, attempt: 3,
			want: bus.Outcome{Ready: noon, Attempt: 2},
		},
		{
			name:    "what is buried is dead at once",
			verdict: bus.Verdict{Act: bus.Bury, Reason: "broken picture"}, attempt: 1,
			want: bus.Outcome{Dead: true, Attempt: 1, Reason: "broken picture"},
		},
		{
			name:    "a lease that ran out counts as a failure and names the worker",
			verdict: bus.Expired(7, 9, "w1"), attempt: 3,
			want: bus.Outcome{Dead: true, Attempt: 3, Reason: "attempt 3 of 3: the lease of w1 ran out"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, c.Decide(tt.verdict, tt.attempt, noon)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBackoffNeverOverflows(t *testing.T) {
	b := bus.Backoff{First: time.Second, Most: 5 * time.Minute}
	for _, n := range []int{1, 2, 9, 10, 63, 64, 1 << 30} {
		if d := b.After(n); d < time.Second || d > b.Most {
			t.Errorf("after %d attempts: %s", n, d)
		}
	}
}

func TestAdmit(t *testing.T) {
	small := bus.Config{MaxItems: 2, MaxBytes: 10, MaxItem: 8}.WithDefaults()
	stream, closed := small, small
	stream.Stream, closed.Closed = true, true
	for _, tt := range []struct {
		name    string
		config  bus.Config
		have    bus.Counts
		entries []bus.Entry
		want    error
	}{
		{"what fits is taken", small, bus.Counts{Ready: 1, Bytes: 5}, []bus.Entry{{Body: []byte("12345")}}, nil},
		{"dead letters count as items", small, bus.Counts{Dead: 2}, []bus.Entry{{}}, bus.ErrFull},
		{"bytes are bounded", small, bus.Counts{Bytes: 6}, []bus.Entry{{Body: []byte("12345")}}, bus.ErrFull},
		{"one item is bounded", small, bus.Counts{}, []bus.Entry{{Body: []byte("123456789")}}, bus.ErrInvalid},
		{"a delay below zero is a mistake", small, bus.Counts{}, []bus.Entry{{Delay: -1}}, bus.ErrInvalid},
		{"a drained queue takes nothing", closed, bus.Counts{}, []bus.Entry{{}}, bus.ErrDrained},
		{"a stream makes room by itself", stream, bus.Counts{Ready: 2, Bytes: 10}, []bus.Entry{{Body: []byte("1")}}, nil},
		{"a stream knows no priority", stream, bus.Counts{}, []bus.Entry{{Priority: 1}}, bus.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.config.Admit(tt.have, tt.entries); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	err := bus.Config{MaxItems: -1, MaxItem: bus.HighestItem + 1, KeepResults: -2}.Validate()
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) || len(all.Unwrap()) != 3 {
		t.Errorf("got %v, want three faults", err)
	}
	if err := (bus.Config{KeepResults: -1}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestNamesOfQueues(t *testing.T) {
	for name, ok := range map[string]bool{"": false, "a": true, "ns/photos.v1_x-2": true, "a b": false, "ä": false, "a\x00": false} {
		if err := bus.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
