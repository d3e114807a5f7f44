package compose

import (
	"maps"
	"slices"
	"testing"
)

// The schema is compose-go's: an attribute that a new version brings fails
// here until the table says what becomes of it.
func TestEveryAttributeOfTheSchemaHasARow(t *testing.T) {
	count := 0
	walkSchema(composeShape(), nil, func(at path) bool {
		count++
		if r, ok := rowFor(at); ok {
			return !r.whole
		}
		if !hasChildren(at) {
			t.Errorf("%s has no row in the table", at)
		}
		return true
	})
	if count < 240 {
		t.Errorf("the schema has only %d attributes: the walk misses some", count)
	}
}

// hasChildren says whether the table has rows below an attribute, so that the
// attribute itself is only where they hang.
func hasChildren(at path) bool {
	for _, rows := range table().byDepth {
		for _, r := range rows {
			if len(r.at) > len(at) && at.matches(r.at[:len(at)]) {
				return true
			}
		}
	}
	return false
}

// walkSchema visits every attribute that the schema names; visit says whether
// to go below it.
func walkSchema(s *shape, at path, visit func(path) bool) {
	for _, o := range s.alternatives() {
		fields := o.fields()
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if next := at.with(name); visit(next) {
				walkSchema(fields[name], next, visit)
			}
		}
		for pattern, inner := range o.Patterns {
			if pattern != "^x-" {
				if next := at.with("name"); visit(next) {
					walkSchema(inner, next, visit)
				}
			}
		}
		if o.Items != nil {
			if next := at.with("0"); visit(next) {
				walkSchema(o.Items, next, visit)
			}
		}
	}
}

// Two rows for one attribute would leave one of them unread.
func TestNoAttributeHasTwoRows(t *testing.T) {
	seen := map[string]bool{}
	for _, rows := range table().byDepth {
		for _, r := range rows {
			if seen[r.at.String()] {
				t.Errorf("%s has two rows", r.at)
			}
			seen[r.at.String()] = true
		}
	}
}

// A refusal that does not say what to do instead is of no use.
func TestRowsSayWhy(t *testing.T) {
	for _, rows := range table().byDepth {
		for _, r := range rows {
			if r.verdict != Applied && r.reason == "" {
				t.Errorf("%s is %s without a reason", r.at, r.verdict)
			}
		}
	}
}
