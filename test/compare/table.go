package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nagi.dev/compose"
)

// printTables prints all results of a folder, as tables for a document.
func printTables(w io.Writer, folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	var all []result
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return fmt.Errorf("read results: %w", err)
		}
		var r result
		if err := json.Unmarshal(b, &r); err != nil {
			return fmt.Errorf("read results %s: %w", n, err)
		}
		all = append(all, r)
	}
	_, err = io.WriteString(w, fidelity(all)+"\n"+sideBySide(all)+"\n"+byKind(all))
	return err
}

// fidelity is what the reports say, and whether all ran.
func fidelity(all []result) string {
	var b strings.Builder
	b.WriteString("| application | services | applied | approximated | refused | all ready | left after delete |\n|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		n := r.Sides["nagi"]
		left := "nothing"
		if len(n.LeftOver) > 0 {
			left = strings.Join(n.LeftOver, ", ")
		}
		state := took(n)
		if r.Approximated {
			state += ", with `--approximate`"
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s | %s |\n", r.Name, r.Services,
			r.Verdicts[compose.Applied], r.Verdicts[compose.Approximated], r.Verdicts[compose.Refused], state, left)
	}
	return b.String()
}

func took(o *outcome) string {
	switch {
	case o == nil:
		return ""
	case o.Ready > 0:
		return fmt.Sprintf("%.1f s", o.Ready)
	case len(o.Missing) == 0:
		return "no"
	}
	return fmt.Sprintf("no: %d missing", len(o.Missing))
}

// sideBySide has both sides of each application, and the totals.
func sideBySide(all []result) string {
	var b strings.Builder
	var claims int
	totals := map[string]*sum{"nagi": {}, "kompose": {}}
	b.WriteString("| application | attributes | Nagi | unknown | all ready | kompose | unknown | all ready |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		n, k := r.Sides["nagi"], r.Sides["kompose"]
		if k == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %d | %s | %s | %d | %s |\n", r.Name, r.Claims,
			share(n.Sum.Honoured, r.Claims), n.Sum.Unknown, took(n), share(k.Sum.Honoured, r.Claims), k.Sum.Unknown, took(k))
		claims += r.Claims
		for name, o := range r.Sides {
			totals[name].plus(o.Sum)
		}
	}
	n, k := totals["nagi"], totals["kompose"]
	fmt.Fprintf(&b, "| **all** | %d | %s | %d | | %s | %d | |\n", claims, share(n.Honoured, claims), n.Unknown, share(k.Honoured, claims), k.Unknown)
	return b.String()
}

func (s *sum) plus(o sum) {
	s.Honoured += o.Honoured
	s.Broken += o.Broken
	s.Unknown += o.Unknown
}

func share(n, of int) string {
	if of == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%d %%)", n, (n*100+of/2)/of)
}

// byKind has both sides of each attribute, over all applications, and what
// was not judged.
func byKind(all []result) string {
	total := map[string]map[string]*sum{}
	notJudged := map[string]int{}
	for _, r := range all {
		if r.Sides["kompose"] == nil {
			continue
		}
		for name, kinds := range r.ByKind {
			for kind, s := range kinds {
				if total[kind] == nil {
					total[kind] = map[string]*sum{"nagi": {}, "kompose": {}}
				}
				total[kind][name].plus(*s)
			}
		}
		for attribute, n := range r.NotJudged {
			notJudged[attribute] += n
		}
	}
	var b strings.Builder
	b.WriteString("| attribute | claims | Nagi | unknown | kompose | unknown |\n|---|---|---|---|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		n, k := total[kind]["nagi"], total[kind]["kompose"]
		fmt.Fprintf(&b, "| `%s` | %d | %d | %d | %d | %d |\n", kind, n.Honoured+n.Broken+n.Unknown, n.Honoured, n.Unknown, k.Honoured, k.Unknown)
	}
	b.WriteString("\nNot judged, on either side:")
	for _, attribute := range slices.Sorted(maps.Keys(notJudged)) {
		fmt.Fprintf(&b, " `%s` %d,", attribute, notJudged[attribute])
	}
	return strings.TrimSuffix(b.String(), ",") + "\n"
}
