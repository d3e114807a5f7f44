package drift

import (
	"fmt"
	"maps"
	"slices"
)

// Find returns the path of the first field in which have lacks something of
// want, in the order of field names; "" when it lacks nothing. Both are
// objects as JSON decodes them. What have holds beyond want does not count,
// a field that want leaves empty may be missing, and the ignored paths may be
// anything.
func Find(want, have map[string]any, ignored ...string) string {
	return search{ignored}.object("", want, have)
}

// most bounds what All lists.
const most = 32

// All returns the paths of all fields in which have lacks something of want,
// up to a bound.
func All(want, have map[string]any) []string {
	var found []string
	for len(found) < most {
		path := Find(want, have, found...)
		if path == "" {
			break
		}
		found = append(found, path)
	}
	return found
}

// A search looks for one field that differs.
type search struct{ ignored []string }

// miss returns the path of a field that differs, unless it is ignored.
func (s search) miss(at string) string {
	if slices.Contains(s.ignored, at) {
		return ""
	}
	return at
}

func (s search) object(at string, want, have map[string]any) string {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		path := k
		if at != "" {
			path = at + "." + k
		}
		if p := s.value(path, k, want[k], have[k]); p != "" {
			return p
		}
	}
	return ""
}

// value compares one field; name is that of the field, by which merged lists
// are known.
func (s search) value(at, name string, want, have any) string {
	if have == nil && empty(want) {
		return ""
	}
	switch w := want.(type) {
	case map[string]any:
		if h, ok := have.(map[string]any); ok {
			return s.object(at, w, h)
		}
	case []any:
		if h, ok := have.([]any); ok {
			return s.list(at, name, w, h)
		}
	default:
		if same(want, have) {
			return ""
		}
	}
	return s.miss(at)
}

func (s search) list(at, name string, want, have []any) string {
	if key := mergeKey(name, want); key != "" {
		return s.merged(at, key, want, have)
	}
	if len(want) != len(have) {
		return s.miss(at)
	}
	for i := range want {
		if p := s.value(fmt.Sprintf("%s[%d]", at, i), "", want[i], have[i]); p != "" {
			return p
		}
	}
	return ""
}

// merged compares a list whose items others may add to: each wanted item must
// stand in have under its key.
func (s search) merged(at, key string, want, have []any) string {
	for _, w := range want {
		id := w.(map[string]any)[key]
		path := fmt.Sprintf("%s[%v]", at, id)
		drift, found := "", false
		for _, h := range have {
			if m, ok := h.(map[string]any); ok && same(m[key], id) {
				drift, found = s.value(path, "", w, h), true
				if drift == "" {
					break
				}
			}
		}
		if !found {
			drift = s.miss(path)
		}
		if drift != "" {
			return drift
		}
	}
	return ""
}
