package compose

import (
	"slices"
	"strings"
)

// patternKey is the extension of compose files that is ours: patterns of
// distributed systems, written beside what they are about.
const patternKey = "x-nagi"

// patterns are the words under x-nagi. Each is refused until a version has it.
var patterns = []string{
	"adapter", "ambassador", "coordinatedbatch", "election", "eventpipeline", "function",
	"replicated", "scattergather", "sharded", "sidecar", "workqueue",
}

// extensions holds x-nagi, at the top and in services and jobs.
func (t *rows) extensions() {
	for _, place := range []string{"", "services.*.", "jobs.*."} {
		t.applied(place + patternKey)
		t.refused("this pattern comes with a later version; remove it", under(place+patternKey+".", []string{"*.**"})...)
	}
}

// checkExtension returns what is wrong with an x-nagi: unlike all other
// extensions it is ours, so that a word in it that nobody knows is a fault.
func (n *node) checkExtension(at path) error {
	if len(at) != 1 && (len(at) != 3 || at[0] != "services" && at[0] != "jobs") {
		return n.file.fault(n.line, at, "stands at the top of the file or in a service; move it there")
	}
	if n.null() || n.reset {
		return nil
	}
	if n.kind != mapping {
		return n.file.fault(n.line, at, "must be a mapping, not %s", n.kind)
	}
	for _, word := range n.keys {
		if !slices.Contains(patterns, word) {
			return n.file.fault(n.where[word], at.with(word), "there is no such pattern%s; there are %s",
				meant(word, patterns), strings.Join(patterns, ", "))
		}
	}
	return nil
}
