package differ

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"nagi.dev/plane/jsonpath"
)

// An Answer is one of the two.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Cut    bool // the body was longer
}

// Rules say what does not count.
type Rules struct {
	headers map[string]bool
	paths   []jsonpath.Path
}

// NewRules takes names of fields, besides date and what belongs to a
// connection, and paths.
func NewRules(headers, paths []string) (*Rules, error) {
	r := &Rules{headers: map[string]bool{}}
	always := []string{"Date", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Age", "Traceparent"}
	for _, h := range append(always, headers...) {
		r.headers[http.CanonicalHeaderKey(h)] = true
	}
	for _, s := range paths {
		p, err := jsonpath.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("ignore %w", err)
		}
		r.paths = append(r.paths, p)
	}
	return r, nil
}

// A Difference is one place where the answers differ.
type Difference struct {
	Where string `json:"where"` // status, header NAME, body, or a JSON path
	One   string `json:"one"`   // what the client got
	Other string `json:"other"`
}

const (
	most    = 16  // differences that are named
	longest = 200 // characters of a value
)

// Compare names the differences, at most 16.
func (r *Rules) Compare(one, other *Answer) (all []Difference) {
	add := func(where string, a, b any) {
		if len(all) < most {
			all = append(all, Difference{where, short(a), short(b)})
		}
	}
	if one.Status != other.Status {
		add("status", one.Status, other.Status)
	}
	names := map[string]bool{}
	for _, h := range []http.Header{one.Header, other.Header} {
		for name := range h {
			names[name] = !r.headers[name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := strings.Join(one.Header[name], ", "), strings.Join(other.Header[name], ", ")
		if names[name] && a != b {
			add("header "+name, a, b)
		}
	}
	if bytes.Equal(one.Body, other.Body) && one.Cut == other.Cut {
		return all
	}
	a, aok := parse(one)
	b, bok := parse(other)
	if !aok || !bok {
		add("body", string(one.Body), string(other.Body))
		return all
	}
	r.values(nil, a, b, add)
	return all
}

func parse(a *Answer) (v any, ok bool) {
	if a.Cut || !strings.Contains(a.Header.Get("Content-Type"), "json") {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.UseNumber()
	return v, d.Decode(&v) == nil && !d.More()
}

func (r *Rules) values(at jsonpath.Path, a, b any, add func(string, any, any)) {
	for _, p := range r.paths {
		if p.Matches(at) {
			return
		}
	}
	below := func(s jsonpath.Step) jsonpath.Path { return append(at[:len(at):len(at)], s) }
	if x, ok := a.(map[string]any); ok {
		if y, ok := b.(map[string]any); ok {
			names := maps.Clone(x)
			maps.Copy(names, y)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				r.values(below(jsonpath.Step{Name: name, Index: -1}), value(x, name), value(y, name), add)
			}
			return
		}
	}
	if x, ok := a.([]any); ok {
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				r.values(below(jsonpath.Step{Index: i}), item(x, i), item(y, i), add)
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		add(at.String(), a, b)
	}
}

// missing stands for what only one has.
type missing struct{}

func value(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return missing{}
}

func item(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return missing{}
}

func short(v any) string {
	s, isText := v.(string)
	if _, ok := v.(missing); ok {
		return "(missing)"
	}
	if !isText {
		b, _ := json.Marshal(v)
		s = string(b)
	}
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
