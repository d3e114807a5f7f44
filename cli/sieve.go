package cli

import "regexp"

// said is one line of a log.
type said struct{ stamp, text string }

// A sieve lets pass the lines of one source that match, and those around them.
// The zero sieve lets all pass.
type sieve struct {
	match  *regexp.Regexp // nil: everything
	around int            // lines to show before and after one that matches

	before []said // the last that did not match, at most around
	after  int    // so many more are shown
}

// pass returns what to print now that l was said.
func (s *sieve) pass(l said) []said {
	switch {
	case s.match == nil:
		return []said{l}
	case s.match.MatchString(l.text):
		out := append(s.before, l)
		s.before, s.after = nil, s.around
		return out
	case s.after > 0:
		s.after--
		return []said{l}
	case s.around > 0:
		if len(s.before) == s.around {
			s.before = s.before[1:]
		}
		s.before = append(s.before, l)
	}
	return nil
}
