package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSieve(t *testing.T) {
	for _, tt := range []struct {
		name   string
		match  string
		around int
		want   string
	}{
		{"without a pattern all passes", "", 0, "a b X c d e X f"},
		{"only lines that match pass", "X", 0, "X X"},
		{"a line on each side of them", "X", 1, "b X c e X f"},
		{"lines between two matches come once", "X", 3, "a b X c d e X f"},
		{"nothing matches", "Y", 3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sieve{around: tt.around}
			if tt.match != "" {
				s.match = regexp.MustCompile(tt.match)
			}
			var got []string
			for w := range strings.SplitSeq("a b X c d e X f", " ") {
				for _, l := range s.pass(said{text: w}) {
					got = append(got, l.text)
				}
			}
			if want := strings.Fields(tt.want); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestALineTooLongForMemoryComesInParts(t *testing.T) {
	long := strings.Repeat("x", maxLine+maxLine/2)
	l := newStream(source{}, strings.NewReader(stamp+"1Z first\n"+stamp+"2Z "+long+" end\r\n"+stamp+"3Z last"))
	var text strings.Builder
	var last string
	lines := 0
	for l.next() {
		if !l.part {
			lines++
		}
		text.WriteString(l.text)
		last = l.stamp
	}
	if text.String() != "first"+long+" endlast" || lines != 3 || last != stamp+"3Z" {
		t.Errorf("%d bytes in %d lines, the last at %s", text.Len(), lines, last)
	}
}
