package gather

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"nagi.dev/plane/config"
	"nagi.dev/plane/jsonpath"
)

// A Merger makes one body of many.
type Merger struct {
	spec config.Merge
	path jsonpath.Path
}

// New checks a merge.
func New(spec config.Merge) (*Merger, error) {
	p, err := jsonpath.Parse(spec.Path)
	if err != nil {
		return nil, err
	}
	for _, s := range p {
		if s.Any || s.Index >= 0 {
			return nil, fmt.Errorf("path %q: a merge needs names, no lists", spec.Path)
		}
	}
	return &Merger{spec, p}, nil
}

// Merge merges bodies in the order of their leaves. isJSON is false for what it
// takes and leaves as text.
func (m *Merger) Merge(bodies [][]byte) (body []byte, isJSON bool, err error) {
	values := make([]any, len(bodies))
	for i, b := range bodies {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil || d.More() {
			if m.spec.Builtin == "concat" && len(m.path) == 0 {
				return bytes.Join(bodies, nil), false, nil
			}
			return nil, false, fmt.Errorf("answer %d is not JSON", i)
		}
	}
	v, err := m.values(values)
	if err != nil {
		return nil, false, err
	}
	body, err = json.Marshal(v)
	return body, true, err
}

func (m *Merger) values(values []any) (any, error) {
	switch m.spec.Builtin {
	case "deep":
		return deep(values), nil
	case "sum":
		return m.sum(values)
	case "concat":
		list, err := m.list(values)
		return m.path.Put(list), err
	case "topK":
		return m.top(values)
	}
	return nil, fmt.Errorf("no merge %q", m.spec.Builtin)
}

// list is all lists at the path, one behind the other.
func (m *Merger) list(values []any) ([]any, error) {
	all := []any{}
	for i, v := range values {
		got, ok := m.path.Get(v)
		l, isList := got.([]any)
		if !ok || !isList {
			return nil, fmt.Errorf("answer %d has no list at %s", i, m.path)
		}
		all = append(all, l...)
	}
	return all, nil
}

// top keeps the best. What cannot be compared comes last; equals stay in the
// order of their leaves.
func (m *Merger) top(values []any) (any, error) {
	all, err := m.list(values)
	if err != nil {
		return nil, err
	}
	field, lowest := strings.CutPrefix(m.spec.By, "-")
	by, err := jsonpath.Parse("$." + field)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b any) int {
		x, xok := rank(by, a)
		y, yok := rank(by, b)
		switch {
		case !xok || !yok:
			return cmp.Compare(b2i(yok), b2i(xok))
		case lowest:
			return x.Cmp(y)
		}
		return y.Cmp(x)
	})
	limit := m.spec.Limit
	if limit == 0 {
		limit = 10
	}
	return m.path.Put(all[:min(limit, len(all))]), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func rank(by jsonpath.Path, v any) (*big.Float, bool) {
	got, _ := by.Get(v)
	n, ok := got.(json.Number)
	if !ok {
		return nil, false
	}
	f, _, err := big.ParseFloat(n.String(), 10, 128, big.ToNearestEven)
	return f, err == nil
}

// maxPlain bounds numbers that are summed exactly; others are sums of floats.
const maxPlain = 1 << 10

func (m *Merger) sum(values []any) (any, error) {
	whole, float, exact := new(big.Int), 0., true
	for i, v := range values {
		got, _ := m.path.Get(v)
		n, ok := got.(json.Number)
		if !ok {
			return nil, fmt.Errorf("answer %d has no number at %s", i, m.path)
		}
		f, err := n.Float64()
		if err != nil {
			return nil, fmt.Errorf("answer %d: %s is no number to add", i, n)
		}
		float += f
		if x, ok := new(big.Int).SetString(n.String(), 10); ok && len(n) < maxPlain {
			whole.Add(whole, x)
		} else {
			exact = false
		}
	}
	if exact {
		return m.path.Put(json.Number(whole.String())), nil
	}
	return m.path.Put(float), nil
}

// deep merges objects by name and appends lists; of all else the last counts.
func deep(values []any) any {
	var out any
	for i, v := range values {
		if i == 0 {
			out = v
			continue
		}
		out = merge(out, v)
	}
	return out
}

func merge(a, b any) any {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return b
		}
		for name, v := range y {
			if old, ok := x[name]; ok {
				v = merge(old, v)
			}
			x[name] = v
		}
		return x
	case []any:
		if y, ok := b.([]any); ok {
			return append(x, y...)
		}
	}
	return b
}

// ErrCoverage says that too few leaves have answered.
var ErrCoverage = errors.New("too few leaves answered in time")

// A Coverage is how much has answered.
type Coverage struct {
	Answered, Leaves int
	Share            float64 // of the data, by the leaves' weights
}

// Cover adds up leaves; answered tells which did.
func Cover(leaves []config.Leaf, answered func(i int) bool) (c Coverage) {
	var sum, have float64
	for i, l := range leaves {
		w := l.Weight
		if w == 0 {
			w = 1
		}
		sum += w
		if answered(i) {
			have += w
			c.Answered++
		}
	}
	c.Leaves, c.Share = len(leaves), have/sum
	return c
}

// String is what X-Nagi-Coverage says.
func (c Coverage) String() string { return fmt.Sprintf("%d/%d", c.Answered, c.Leaves) }
