package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReports(t *testing.T) {
	golden(t, "report", func(t *testing.T, p *Project) string {
		var b bytes.Buffer
		if err := Check(p).WriteText(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	})
}

func TestReportAsJSONIsStable(t *testing.T) {
	r := Report{Entries: []Entry{
		{File: "web.yaml", Line: 3, Path: "services.web.image", Verdict: Applied},
		{File: "web.yaml", Line: 4, Path: "services.web.pid", Verdict: Refused, Reason: "remove it"},
	}}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	want := `{
  "entries": [
    {
      "file": "web.yaml",
      "line": 3,
      "path": "services.web.image",
      "verdict": "applied"
    },
    {
      "file": "web.yaml",
      "line": 4,
      "path": "services.web.pid",
      "verdict": "refused",
      "reason": "remove it"
    }
  ],
  "summary": {
    "applied": 1,
    "approximated": 0,
    "refused": 1
  }
}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal(b.Bytes(), &Report{}); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyReportHasNoNullInJSON(t *testing.T) {
	var b bytes.Buffer
	if err := (Report{}).WriteJSON(&b); err != nil || strings.Contains(b.String(), "null") {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestReportSplitsByVerdict(t *testing.T) {
	r := Report{Entries: []Entry{
		{Path: "a", Verdict: Applied}, {Path: "b", Verdict: Approximated}, {Path: "c", Verdict: Refused, Line: 7, File: "f", Reason: "why"},
	}}
	if got := r.Summary(); got != "1 applied, 1 approximated, 1 refused" {
		t.Error(got)
	}
	if got := r.Refused(); len(got) != 1 || got[0].String() != "f:7: c: refused: why" {
		t.Error(got)
	}
	if got := r.Approximated(); len(got) != 1 || got[0].Path != "b" {
		t.Error(got)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestReportSaysWhenItCannotBePrinted(t *testing.T) {
	r := Report{Entries: []Entry{{Path: "a", Verdict: Applied}}}
	for name, write := range map[string]func() error{
		"text": func() error { return r.WriteText(brokenWriter{}) },
		"JSON": func() error { return r.WriteJSON(brokenWriter{}) },
	} {
		if err := write(); err == nil || err.Error() != "print report: disk full" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
