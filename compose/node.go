package compose

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A kind is what a node is in YAML.
type kind int

const (
	scalar kind = iota
	list
	mapping
)

func (k kind) String() string {
	return [...]string{"a value", "a list", "a mapping"}[k]
}

// A node is a value of a compose file with its place. Aliases and merge keys
// are written out and variables filled in, so walkers need know none of it.
type node struct {
	file   *file
	line   int
	kind   kind
	tag    string   // of a scalar: !!str, !!int, !!bool, !!float, !!null
	text   string   // of a scalar
	filled bool     // a variable was filled in: tag says nothing about text
	reset  bool     // !reset: the attribute is taken back
	over   bool     // !override: earlier files do not show through
	keys   []string // of a mapping, in the order of the file
	fields map[string]*node
	where  map[string]int // lines of the keys
	items  []*node        // of a list
}

// get returns the field of that name; nil if n is nil or has none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	return n.fields[key]
}

// null says whether n stands for nothing.
func (n *node) null() bool {
	return n == nil || n.kind == scalar && n.tag == "!!null" && !n.filled
}

// str returns the text of a scalar; "" of all else.
func (n *node) str() string {
	if n.null() || n.kind != scalar {
		return ""
	}
	return n.text
}

// each calls visit for every child with its step.
func (n *node) each(visit func(step string, line int, child *node) error) error {
	for _, k := range n.keys {
		if err := visit(k, n.where[k], n.fields[k]); err != nil {
			return err
		}
	}
	for i, c := range n.items {
		if err := visit(strconv.Itoa(i), c.line, c); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) put(key string, line int, child *node) {
	if _, ok := n.fields[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.fields[key], n.where[key] = child, line
}

// build writes out y, which a gauge has found to be finite. Lines inside an
// anchor stay those of the anchor.
func (f *file) build(y *yaml.Node, at path) (*node, error) {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	n := &node{file: f, line: y.Line, reset: y.Tag == "!reset", over: y.Tag == "!override"}
	switch y.Kind {
	case yaml.MappingNode:
		return n, f.buildMapping(n, y, at)
	case yaml.SequenceNode:
		n.kind = list
		for i, c := range y.Content {
			item, err := f.build(c, at.with(strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		return n, nil
	}
	n.tag, n.text = y.ShortTag(), y.Value
	if n.over {
		n.tag = "!!str"
	}
	return n, f.fill(n, y, at)
}

// buildMapping fills n with the fields of y. A field of its own wins over a
// merged one, an earlier merged one over a later.
func (f *file) buildMapping(n *node, y *yaml.Node, at path) error {
	n.kind, n.fields, n.where = mapping, map[string]*node{}, map[string]int{}
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode {
			return f.fault(k.Line, at, "a name must be plain text, not %s", yamlKind(k))
		}
		child, err := f.build(v, at.with(k.Value))
		if err != nil {
			return err
		}
		if k.Value == "<<" && k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			merged = append(merged, child)
			continue
		}
		if line, twice := n.where[k.Value]; twice {
			return f.fault(k.Line, at.with(k.Value), "is already set in line %d; remove one of the two", line)
		}
		n.put(k.Value, k.Line, child)
	}
	return f.merge(n, merged, at)
}

func (f *file) merge(n *node, from []*node, at path) error {
	for _, m := range from {
		switch {
		case m.kind == list:
			if err := f.merge(n, m.items, at); err != nil {
				return err
			}
		case m.kind == mapping:
			for _, k := range m.keys {
				if _, own := n.fields[k]; !own {
					n.put(k, m.where[k], m.fields[k])
				}
			}
		default:
			return f.fault(m.line, at.with("<<"), "only a mapping can be merged; %q is a value", m.text)
		}
	}
	return nil
}

func yamlKind(y *yaml.Node) string {
	if y.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a mapping"
}

// fill replaces the variables in a scalar, as compose does in every string.
func (f *file) fill(n *node, y *yaml.Node, at path) error {
	if f.expand == nil || n.tag != "!!str" || !strings.Contains(n.text, "$") {
		return nil
	}
	text, err := f.expand(n.text, at, n.line)
	if err != nil {
		return f.fault(y.Line, at, "%s", variableFault(err, y.Value))
	}
	n.filled, n.text = true, text
	return nil
}

// fault returns an error at a line of f.
func (f *file) fault(line int, at path, format string, args ...any) error {
	return &Error{File: f.name, Line: line, Path: at.String(), Msg: fmt.Sprintf(format, args...)}
}
