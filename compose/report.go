package compose

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Verdict says what becomes of an attribute.
type Verdict string

// The verdicts.
const (
	Applied      Verdict = "applied"      // it does what compose says
	Approximated Verdict = "approximated" // it runs, with a difference that Reason names
	Refused      Verdict = "refused"      // it cannot be honoured; Reason says what to do
)

// An Entry is what becomes of one attribute of one file.
type Entry struct {
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Path    string  `json:"path"` // services.web.ports[0]
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
}

// A Report says what becomes of every attribute of a project, in the order of
// its files.
type Report struct {
	Entries []Entry `json:"entries"`
}

// Refused returns the entries that stop a deploy.
func (r Report) Refused() []Entry { return r.with(Refused) }

// Approximated returns the entries that a person should know about.
func (r Report) Approximated() []Entry { return r.with(Approximated) }

func (r Report) with(v Verdict) []Entry {
	return slices.DeleteFunc(slices.Clone(r.Entries), func(e Entry) bool { return e.Verdict != v })
}

// String is the entry as an error shows it.
func (e Entry) String() string {
	text := fmt.Sprintf("%s: %s: %s", e.place(), e.Path, e.Verdict)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Summary counts the verdicts: "12 applied, 2 approximated, 1 refused".
func (r Report) Summary() string {
	var parts []string
	for _, v := range []Verdict{Applied, Approximated, Refused} {
		if n := len(r.with(v)); n > 0 || v == Applied {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

// WriteText prints the report for people: a line an attribute, then the counts.
func (r Report) WriteText(w io.Writer) error {
	place, attribute := 0, 0
	for _, e := range r.Entries {
		place, attribute = max(place, len(e.place())), max(attribute, len(e.Path))
	}
	var b strings.Builder
	for _, e := range r.Entries {
		line := fmt.Sprintf("%-*s  %-*s  %-*s  %s", place, e.place(), attribute, e.Path, len(Approximated), e.Verdict, e.Reason)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString(r.Summary() + "\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}

func (e Entry) place() string { return fmt.Sprintf("%s:%d", e.File, e.Line) }

// WriteJSON prints {"entries": […], "summary": {…}}. Its shape is stable.
func (r Report) WriteJSON(w io.Writer) error {
	out := struct {
		Entries []Entry         `json:"entries"`
		Summary map[Verdict]int `json:"summary"`
	}{append([]Entry{}, r.Entries...), map[Verdict]int{}}
	for _, v := range []Verdict{Applied, Approximated, Refused} {
		out.Summary[v] = len(r.with(v))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}
