package compose

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Check says of every attribute in the files of a project what becomes of it.
func Check(p *Project) Report {
	c := &checker{project: p, seen: map[*node]bool{}, rank: map[string]int{}}
	for _, f := range p.Source.files {
		c.rank[f.name] = len(c.rank)
	}
	for _, f := range p.Source.files {
		for _, doc := range f.docs {
			c.walk(attribute{node: doc, project: p}, doc.line)
		}
	}
	c.entries = append(c.entries, p.Source.unset...)
	slices.SortStableFunc(c.entries, c.inOrder)
	return Report{Entries: slices.Compact(c.entries)}
}

// An attribute is what a judge looks at.
type attribute struct {
	*node
	at      path
	parent  *node
	project *Project
	service types.ServiceConfig // as merged; the zero value outside of services
}

// name is the last step of the attribute's path.
func (a attribute) name() string { return a.at[len(a.at)-1] }

// A checker walks the files and collects entries.
type checker struct {
	project *Project
	entries []Entry
	seen    map[*node]bool // services of files that others extend
	rank    map[string]int // order of the files
}

// inOrder sorts by file and line; files that are only extended come last.
func (c *checker) inOrder(a, b Entry) int {
	rank := func(e Entry) int {
		if r, ok := c.rank[e.File]; ok {
			return r
		}
		return len(c.rank)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// walk visits an attribute and all below it.
func (c *checker) walk(a attribute, line int) {
	if a.reset || len(a.at) == 2 && (a.at[0] == "services" || a.at[0] == "jobs") && !c.enter(&a, line) {
		return
	}
	c.enterHook(&a)
	r, known := rowFor(a.at)
	leaf := a.kind == scalar || len(a.keys)+len(a.items) == 0
	switch {
	case known && (r.whole || leaf):
		c.judge(r, a, line)
		return
	case leaf && len(a.at) > 0:
		c.judge(unknownRow(a.at), a, line)
		return
	case known && r.verdict != Applied && r.judge == nil:
		c.judge(r, a, line)
	}
	_ = a.each(func(step string, at int, child *node) error {
		c.walk(attribute{node: child, at: a.at.with(step), parent: a.node, project: a.project, service: a.service}, at)
		return nil
	})
}

// enter begins a service. It is false for one that is not deployed.
func (c *checker) enter(a *attribute, line int) bool {
	s, chosen := c.project.Services[a.name()]
	if !chosen {
		c.add(*a, line, Applied, "its profile is not chosen: not deployed")
		return false
	}
	a.service = s
	if a.at[0] == "services" {
		c.extended(*a)
	}
	return true
}

// enterHook begins a pre_start hook: to judges it is a service of its own.
func (c *checker) enterHook(a *attribute) {
	if len(a.at) != 4 || a.at[0] != "services" || a.at[2] != "pre_start" {
		return
	}
	s := c.project.Services[a.at[1]]
	if i, err := strconv.Atoi(a.at[3]); err == nil && i < len(s.PreStart) {
		a.service = hookService(s, i)
	}
}

// extended reports what a service takes from another file. Services of the
// project's own files are reported as themselves.
func (c *checker) extended(a attribute) {
	n := a.node
	for range maxFiles {
		f, base := c.project.Source.base(n)
		if base == nil || c.seen[base] {
			return
		}
		if f != n.file {
			c.seen[base] = true
			name, _ := extendsOf(n)
			inner := attribute{project: a.project, service: a.service}
			_ = base.each(func(step string, line int, child *node) error {
				inner.node, inner.parent, inner.at = child, base, path{"services", name, step}
				c.walk(inner, line)
				return nil
			})
		}
		n = base
	}
}

// judge adds the entry that a row gives an attribute, unless a later file
// takes the attribute back.
func (c *checker) judge(r row, a attribute, line int) {
	verdict, reason := r.verdict, r.reason
	if r.judge != nil {
		verdict, reason = r.judge(a)
	}
	if verdict != Applied && c.overridden(a) {
		verdict, reason = Applied, "another file replaces it"
	}
	c.add(a, line, verdict, reason)
}

// overridden says whether the merged service no longer has what stands here.
func (c *checker) overridden(a attribute) bool {
	if len(a.at) < 3 || a.at[0] != "services" && a.at[0] != "jobs" || a.service.Name == "" || strings.HasPrefix(a.at[2], "x-") {
		return false
	}
	services, _ := c.project.model[a.at[0]].(map[string]any)
	merged, _ := services[c.deployed(a)].(map[string]any)
	if _, there := merged[a.at[2]]; !there {
		return true
	}
	at := path{a.at[0], c.deployed(a)}
	last, _ := c.project.Source.find(append(at, a.at[2:]...))
	return len(a.at) == 3 && a.kind == scalar && last != nil && last != a.node && last.text != a.text
}

// deployed is the name under which the merged project has what a belongs to.
func (c *checker) deployed(a attribute) string {
	name, _, _ := strings.Cut(a.service.Name, "+")
	return name
}

func (c *checker) add(a attribute, line int, v Verdict, reason string) {
	c.entries = append(c.entries, Entry{File: a.file.name, Line: line, Path: a.at.String(), Verdict: v, Reason: reason})
}

// fieldNames returns the names in a mapping or in a list of NAME=value.
func (n *node) fieldNames() []string {
	if n.kind == mapping {
		return slices.Sorted(maps.Keys(n.fields))
	}
	var names []string
	for _, item := range n.items {
		name, _, _ := strings.Cut(item.str(), "=")
		names = append(names, name)
	}
	return names
}
