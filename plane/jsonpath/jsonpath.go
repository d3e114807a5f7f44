package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
)

// A Path leads to one value, or with * to many.
type Path []Step

// A Step is a name or an index; Any is every one.
type Step struct {
	Name  string
	Index int // of a list; -1: it is a name
	Any   bool
}

// Parse reads a path. An empty one is the whole.
func Parse(s string) (Path, error) {
	rest, ok := strings.CutPrefix(s, "$")
	if !ok && s != "" {
		return nil, fmt.Errorf("path %q does not begin with $", s)
	}
	var p Path
	for rest != "" {
		step, after, err := next(rest)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", s, err)
		}
		p, rest = append(p, step), after
	}
	return p, nil
}

func next(s string) (step Step, rest string, err error) {
	if name, ok := strings.CutPrefix(s, "."); ok {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		if end == 0 {
			return step, "", fmt.Errorf("a name is missing at %q", s)
		}
		return Step{Name: name[:end], Index: -1, Any: name[:end] == "*"}, name[end:], nil
	}
	inner, ok := strings.CutPrefix(s, "[")
	if !ok {
		return step, "", fmt.Errorf("expected . or [ at %q", s)
	}
	if name, ok := strings.CutPrefix(inner, `"`); ok {
		name, rest, ok = strings.Cut(name, `"]`)
		if !ok {
			return step, "", fmt.Errorf("a bracket is open at %q", s)
		}
		return Step{Name: name, Index: -1}, rest, nil
	}
	inner, rest, ok = strings.Cut(inner, "]")
	if !ok {
		return step, "", fmt.Errorf("a bracket is open at %q", s)
	}
	if inner == "*" {
		return Step{Index: -1, Any: true}, rest, nil
	}
	n, err := strconv.ParseUint(inner, 10, 31)
	if err != nil {
		return step, "", fmt.Errorf("%q is neither an index nor *", inner)
	}
	return Step{Index: int(n)}, rest, nil
}

// Get returns the value that p leads to in v.
func (p Path) Get(v any) (any, bool) {
	for _, s := range p {
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[s.Name]; !ok || s.Index >= 0 {
				return nil, false
			}
		case []any:
			if s.Index < 0 || s.Index >= len(x) {
				return nil, false
			}
			v = x[s.Index]
		default:
			return nil, false
		}
	}
	return v, true
}

// Put makes an object in which p leads to v. Only names can be made.
func (p Path) Put(v any) any {
	for i := len(p) - 1; i >= 0; i-- {
		v = map[string]any{p[i].Name: v}
	}
	return v
}

// Matches reports that p leads to the place at, or above it.
func (p Path) Matches(at Path) bool {
	if len(p) > len(at) {
		return false
	}
	for i, s := range p {
		if !s.Any && s != at[i] {
			return false
		}
	}
	return true
}

// String writes a path as Parse reads it.
func (p Path) String() string {
	s := "$"
	for _, x := range p {
		switch {
		case x.Any:
			s += "[*]"
		case x.Index >= 0:
			s += fmt.Sprintf("[%d]", x.Index)
		case strings.ContainsAny(x.Name, ".[]\"* ") || x.Name == "":
			s += fmt.Sprintf("[%q]", x.Name)
		default:
			s += "." + x.Name
		}
	}
	return s
}
