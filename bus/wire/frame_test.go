package wire

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/bus"
)

func TestShapesComeBackAsTheyWere(t *testing.T) {
	at := time.Unix(1, 2).UTC()
	items := []bus.Item{{Number: 1 << 63, ID: "i", Priority: -128, Body: []byte("b"), At: at, Attempt: 3, Token: 4, Until: at, Owner: "o", Reason: "r", Tail: "t"}}
	entries := []bus.Entry{{ID: "i", Priority: 127, Delay: -1, Body: []byte("b")}, {Body: []byte{}}}
	verdicts := []bus.Verdict{{Number: 1, Token: 2, Act: bus.Bury, For: 3, Result: []byte("r"), Reason: "x", Tail: "t", Emit: []bus.Emit{{Queue: "q", Entry: entries[0]}}}}
	results := []bus.Result{{Completion: 1, Number: 2, Token: 3, Attempt: 4, At: at, ID: "i", Owner: "o", Result: []byte("r")}}
	counts := bus.Counts{Ready: 1, Delayed: 2, Leased: 3, Dead: 4, Bytes: 5, Appended: 6, Completed: 7, Cancelled: 8, Failed: 9}
	want := bus.Want{Most: 1, For: 2, Wait: 3, Owner: "o"}
	for _, d := range []string{
		cmp.Diff(items, (&reader{b: appendItems(nil, items)}).items()),
		cmp.Diff(entries, (&reader{b: appendEntries(nil, entries)}).entries(nil)),
		cmp.Diff(verdicts, (&reader{b: appendVerdicts(nil, verdicts)}).verdicts(nil)),
		cmp.Diff(results, (&reader{b: appendResults(nil, results)}).results()),
		cmp.Diff(counts, (&reader{b: appendCounts(nil, counts)}).counts()),
		cmp.Diff(want, (&reader{b: appendWant(nil, want)}).want()),
	} {
		if d != "" {
			t.Error(d)
		}
	}
}

func TestErrorsKeepTheirCauseAndText(t *testing.T) {
	for _, cause := range codes[1:] {
		r := &reader{b: appendError(nil, errors.Join(errors.New("why"), cause))}
		if err := r.error(); !errors.Is(err, cause) || err.Error() != "why\n"+cause.Error() || r.done() != nil {
			t.Errorf("%v became %v", cause, err)
		}
	}
	if err := (&reader{b: appendError(nil, errors.New("other"))}).error(); err == nil || err.Error() != "other" {
		t.Errorf("got %v", err)
	}
	if err := (&reader{b: appendError(nil, nil)}).error(); err != nil {
		t.Errorf("no error became %v", err)
	}
}

// FuzzDecode gives any bytes to every decoder: none may panic, or give back
// more than could have been in them.
func FuzzDecode(f *testing.F) {
	f.Add(kindAppend, appendEntries(appendText(nil, "q"), []bus.Entry{{ID: "i", Body: []byte("b")}}))
	f.Add(kindSettle, appendVerdicts(appendText(nil, "q"), []bus.Verdict{{Number: 1, Act: bus.Done}}))
	f.Add(kindLease, appendWant(appendText(nil, "q"), bus.Want{Most: 5}))
	f.Add(kindConfigure, appendText(appendText(nil, "q"), "{}"))
	f.Add(kindRead, []byte("\x01q\x00\x01\x02"))
	f.Add(kindOK, appendItems(nil, []bus.Item{{Number: 1}}))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		_, _ = decodeCall(&reader{b: b}, kind)
		(&reader{b: b}).text()
		if n := len((&reader{b: b}).entries(nil)); n > len(b) {
			t.Errorf("%d entries out of %d bytes", n, len(b))
		}
		(&reader{b: b}).verdicts(nil)
		(&reader{b: b}).items()
		(&reader{b: b}).results()
		(&reader{b: b}).errors()
		(&reader{b: b}).counts()
		if len(b) >= headerSize {
			_, _, _, _ = header(b)
		}
	})
}

func TestOnlyWholeRequestsAreCalls(t *testing.T) {
	for name, b := range map[string][]byte{
		"too short": {1}, "something behind": append(appendText(nil, "q"), 0),
	} {
		if _, err := decodeCall(&reader{b: b}, kindCount); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decodeCall(&reader{b: appendText(nil, "q")}, 200); !errors.Is(err, errFrame) {
		t.Errorf("an unknown kind: %v", err)
	}
}
