package compose

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/schema"
)

// A shape is one node of compose-go's JSON schema, as far as the schema of
// compose uses the language. Walking it over our own nodes, rather than asking
// a validator about the merged model, gives every fault its line.
type shape struct {
	Ref         string            `json:"$ref"`
	Types       oneOrMore         `json:"type"`
	Properties  map[string]*shape `json:"properties"`
	Patterns    map[string]*shape `json:"patternProperties"`
	Additional  json.RawMessage   `json:"additionalProperties"`
	Unevaluated json.RawMessage   `json:"unevaluatedProperties"`
	Items       *shape            `json:"items"`
	OneOf       []*shape          `json:"oneOf"`
	AllOf       []*shape          `json:"allOf"`
	Enum        []any             `json:"enum"`
	Pattern     string            `json:"pattern"`
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
	Defs        map[string]*shape `json:"$defs"`

	byPattern []patternShape // Patterns, compiled
	value     *regexp.Regexp // Pattern, compiled
}

// A patternShape is the shape of the fields whose names match.
type patternShape struct {
	name  *regexp.Regexp
	shape *shape
}

// oneOrMore reads "a" and ["a", "b"].
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(o))
	}
	*o = oneOrMore{""}
	return json.Unmarshal(data, &(*o)[0])
}

// composeShape is the root. The schema is a constant of compose-go, so that a
// schema which does not parse is a fault of the build.
var composeShape = sync.OnceValue(func() *shape {
	var root shape
	if err := json.Unmarshal([]byte(schema.Schema), &root); err != nil {
		panic(fmt.Sprintf("read the schema of compose: %v", err))
	}
	root.compile()
	return &root
})

// compile prepares the patterns of s and of all below it.
func (s *shape) compile() {
	if s.Pattern != "" {
		s.value = regexp.MustCompile(s.Pattern)
	}
	for _, pattern := range slices.Sorted(maps.Keys(s.Patterns)) {
		s.byPattern = append(s.byPattern, patternShape{regexp.MustCompile(pattern), s.Patterns[pattern]})
	}
	for _, inner := range s.children() {
		inner.compile()
	}
}

// children returns every shape that is written inside of s.
func (s *shape) children() []*shape {
	all := slices.Concat(s.OneOf, s.AllOf, slices.Collect(maps.Values(s.Properties)),
		slices.Collect(maps.Values(s.Patterns)), slices.Collect(maps.Values(s.Defs)))
	if s.Items != nil {
		all = append(all, s.Items)
	}
	return all
}

// deref follows a reference to its definition.
func (s *shape) deref() *shape {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		return composeShape().Defs[name].deref()
	}
	return s
}

// alternatives returns the shapes of which a node may have any one.
func (s *shape) alternatives() []*shape {
	s = s.deref()
	if len(s.OneOf) == 0 {
		return []*shape{s}
	}
	var all []*shape
	for _, o := range s.OneOf {
		all = append(all, o.alternatives()...)
	}
	return all
}

// fields returns the named properties of s and of all that it is made of.
func (s *shape) fields() map[string]*shape {
	all := maps.Clone(s.Properties)
	if all == nil {
		all = map[string]*shape{}
	}
	for _, part := range s.AllOf {
		maps.Copy(all, part.deref().fields())
	}
	return all
}

// field returns the shape of one field; nil when s has none of that name.
func (s *shape) field(name string) *shape {
	if f := s.Properties[name]; f != nil {
		return f
	}
	for _, p := range s.byPattern {
		if p.name.MatchString(name) {
			return p.shape
		}
	}
	for _, part := range s.AllOf {
		if f := part.deref().field(name); f != nil {
			return f
		}
	}
	return nil
}

// closed says that a mapping may have no other fields than those named.
func (s *shape) closed() bool {
	return string(s.Additional) == "false" || string(s.Unevaluated) == "false"
}

// kinds returns the JSON types that a node can pass for.
func (n *node) kinds() []string {
	switch {
	case n.kind == list:
		return []string{"array"}
	case n.kind == mapping:
		return []string{"object"}
	case n.filled: // compose casts what variables bring
		return []string{"string", "number", "integer", "boolean"}
	}
	switch n.tag {
	case "!!int":
		return []string{"integer", "number"}
	case "!!float":
		return []string{"number"}
	case "!!bool":
		return []string{"boolean"}
	}
	return []string{"string"}
}

// accepts says whether n may stand for s. A null is left to compose-go.
func (s *shape) accepts(n *node) bool {
	if len(s.Types) == 0 {
		return true
	}
	return slices.ContainsFunc(n.kinds(), func(k string) bool { return slices.Contains(s.Types, k) })
}

// checkShape holds one document against the schema.
func checkShape(doc *node) error {
	if err := doc.fits(composeShape(), nil); err != nil {
		return err
	}
	return checkValues(doc, nil)
}

// checkService holds one service against it: of a file that is only extended
// the rest does not count.
func checkService(n *node, at path) error {
	if err := n.fits(composeShape().Defs["service"], at); err != nil {
		return err
	}
	return checkValues(n, at)
}

// fits returns the first fault of n against s.
func (n *node) fits(s *shape, at path) error {
	if n.reset || n.null() {
		return nil
	}
	options := s.alternatives()
	i := slices.IndexFunc(options, func(o *shape) bool { return o.accepts(n) })
	if i < 0 {
		return n.file.fault(n.line, at, "%s", wrongType(n, options))
	}
	s = options[i]
	if n.kind == scalar {
		return n.fitsValue(s, at)
	}
	if err := n.few(at); err != nil {
		return err
	}
	return n.each(func(step string, line int, child *node) error {
		if step == patternKey && n.kind == mapping && s.closed() && len(at) != 1 {
			return child.checkExtension(at.with(step))
		}
		inner := s.Items
		if n.kind == mapping {
			if inner = s.field(step); inner == nil && s.closed() && !strings.HasPrefix(step, "x-") {
				return n.file.fault(line, at.with(step), "%s", unknown(s, at, step))
			}
		}
		if inner == nil {
			return nil
		}
		return child.fits(inner, at.with(step))
	})
}

// few refuses more services, or more entries of one, than anyone writes: some
// of what follows takes the square of their number.
func (n *node) few(at path) error {
	if (at.matches(path{"services"}) || at.matches(path{"jobs"})) && len(n.keys) > maxServices {
		extra := n.keys[maxServices]
		return n.file.fault(n.where[extra], at.with(extra), "is one more than the %d services that a project may have", maxServices)
	}
	if len(at) > 1 && (at[0] == "services" || at[0] == "jobs") && len(n.items)+len(n.keys) > maxEntries {
		return n.file.fault(n.line, at, "has more than %d entries", maxEntries)
	}
	return nil
}

// fitsValue checks what the schema says about a single value.
func (n *node) fitsValue(s *shape, at path) error {
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return fmt.Sprint(e) == n.text }) {
		var words []string
		for _, e := range s.Enum {
			words = append(words, fmt.Sprint(e))
		}
		return n.file.fault(n.line, at, "%q is none of %s%s", n.text, strings.Join(words, ", "), meant(n.text, words))
	}
	if s.value != nil && !s.value.MatchString(n.text) {
		return n.file.fault(n.line, at, "%q is not allowed here: it must match %s", n.text, s.Pattern)
	}
	number, isNumber := numberOf(n.text)
	if s.Minimum == nil && s.Maximum == nil || !isNumber {
		return nil
	}
	if s.Minimum != nil && number < *s.Minimum {
		return n.file.fault(n.line, at, "%s is below %v, the least it may be", n.text, *s.Minimum)
	}
	if s.Maximum != nil && number > *s.Maximum {
		return n.file.fault(n.line, at, "%s is above %v, the most it may be", n.text, *s.Maximum)
	}
	return nil
}

// wrongType says what a node should have been.
func wrongType(n *node, options []*shape) string {
	words := map[string]string{
		"string": "text", "integer": "a whole number", "number": "a number",
		"boolean": "true or false", "array": "a list", "object": "a mapping", "null": "",
	}
	var want []string
	for _, o := range options {
		for _, t := range o.Types {
			if w := words[t]; w != "" && !slices.Contains(want, w) {
				want = append(want, w)
			}
		}
	}
	msg := "must be " + strings.Join(want, " or ")
	if n.kind != scalar {
		return msg + ", not " + n.kind.String()
	}
	if slices.Contains(want, "text") {
		return fmt.Sprintf("%s; quote it: %q", msg, n.text)
	}
	return fmt.Sprintf("%s, not %q", msg, n.text)
}

// unknown says which attribute was probably meant.
func unknown(s *shape, at path, name string) string {
	if len(at) == 1 && s.Patterns != nil {
		return fmt.Sprintf("the name %q may hold only letters, digits and . _ -", name)
	}
	known := slices.Sorted(maps.Keys(s.fields()))
	if hint := meant(name, known); hint != "" {
		return "there is no such attribute" + hint
	}
	for _, group := range []string{"deploy", "healthcheck", "build"} {
		if g := s.field(group); g != nil && len(at) == 2 && slices.ContainsFunc(g.alternatives(), func(a *shape) bool { return a.field(name) != nil }) {
			return fmt.Sprintf("there is no such attribute; it belongs under %q", group)
		}
	}
	if len(at) == 0 && composeShape().Defs["service"].field(name) != nil {
		return `there is no such attribute; it belongs to a service, under "services"`
	}
	return `there is no such attribute; remove it, or begin its name with "x-"`
}

// numberOf reads a JSON number.
func numberOf(text string) (number float64, ok bool) {
	err := json.Unmarshal([]byte(text), &number)
	return number, err == nil
}
