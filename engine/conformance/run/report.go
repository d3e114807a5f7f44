package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"
)

// A report is what of ginkgo's JUnit file matters here.
type report struct {
	Suites []struct {
		Cases []testCase `xml:"testcase"`
	} `xml:"testsuite"`
}

type testCase struct {
	Name    string   `xml:"name,attr"`
	Status  string   `xml:"status,attr"` // passed, failed, skipped, timedout, panicked, …
	Seconds float64  `xml:"time,attr"`
	Failure *message `xml:"failure"`
	Error   *message `xml:"error"`
	Skipped *message `xml:"skipped"`
}

type message struct {
	Text string `xml:"message,attr"`
}

func readReport(name string) (r report, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return r, fmt.Errorf("read report: %w", err)
	}
	if err := xml.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read report %s: %w", name, err)
	}
	return r, nil
}

// tests lists the tests themselves, without the hooks of the suite.
func (r report) tests() (ran, refused []testCase) {
	for _, s := range r.Suites {
		for _, c := range s.Cases {
			switch {
			case !strings.HasPrefix(c.Name, "[It] "):
			case c.Skipped == nil:
				ran = append(ran, c)
			case c.Skipped.Text != "" && c.Skipped.Text != "skipped":
				refused = append(refused, c) // by the test itself, not by our focus
			}
		}
	}
	return ran, refused
}

func (r report) print(w io.Writer) {
	ran, refused := r.tests()
	passed := 0
	for _, c := range ran {
		if c.Status == "passed" {
			passed++
		}
	}
	fmt.Fprintf(w, "%d of %d passed\n", passed, len(ran))
	for _, c := range ran {
		if c.Status != "passed" {
			fmt.Fprintf(w, "  %s %s\n      %s\n", c.Status, strings.TrimPrefix(c.Name, "[It] "), c.why())
		}
	}
	for _, c := range refused {
		fmt.Fprintf(w, "  left out by itself: %s: %s\n", strings.TrimPrefix(c.Name, "[It] "), firstLine(c.Skipped.Text))
	}
	for _, s := range skips {
		fmt.Fprintf(w, "  left out: %s: %s\n", s.tests, s.reason)
	}
}

func (c testCase) why() string {
	for _, m := range []*message{c.Failure, c.Error} {
		if m != nil {
			return firstLine(m.Text)
		}
	}
	return "no reason given"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
