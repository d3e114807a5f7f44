package sync

import (
	"bytes"
	"maps"
	"slices"
)

// Files of a folder, by their names.
type Files map[string][]byte

// A Plan is what to change. The zero Plan means: nothing.
type Plan struct {
	Write  []string // in the order of their names
	Remove []string
}

// Decide compares what the source has with what is there.
func Decide(want, have Files) Plan {
	var p Plan
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if old, ok := have[name]; !ok || !bytes.Equal(old, want[name]) {
			p.Write = append(p.Write, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			p.Remove = append(p.Remove, name)
		}
	}
	return p
}

func (p Plan) empty() bool { return len(p.Write) == 0 && len(p.Remove) == 0 }
