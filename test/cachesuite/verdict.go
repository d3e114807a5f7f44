package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A verdict is what the suite says of one cache.
type verdict struct {
	cache   string
	results []result
}

// A result is one test. Kinds are required (a fault of conformance if it
// fails), optimal (a chance missed) and check (a question without a right answer).
type result struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Grade string `json:"grade"`
	Why   string `json:"why"`
}

// kinds in the order that matters.
var kinds = []string{"required", "optimal", "check"}

// passed are the grades of a test that went as asked.
var passed = []string{"✅", "Y"}

func (v verdict) count(kind string) (good, all int) {
	for _, r := range v.results {
		if r.Kind != kind {
			continue
		}
		all++
		if slices.Contains(passed, r.Grade) {
			good++
		}
	}
	return good, all
}

func printTable(w io.Writer, all []verdict, list bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "cache")
	for _, k := range kinds {
		fmt.Fprintf(t, "\t%s", k)
	}
	fmt.Fprintln(t)
	for _, v := range all {
		fmt.Fprint(t, v.cache)
		for _, k := range kinds {
			good, n := v.count(k)
			fmt.Fprintf(t, "\t%d of %d", good, n)
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
	if list {
		printFaults(w, all)
	}
}

func printFaults(w io.Writer, all []verdict) {
	for _, v := range all {
		for _, k := range kinds[:2] {
			for _, r := range v.results {
				if r.Kind == k && !slices.Contains(passed, r.Grade) {
					fmt.Fprintf(w, "%s: %s: %s: %s: %s\n", v.cache, k, r.ID, r.Grade, r.Why)
				}
			}
		}
	}
}
