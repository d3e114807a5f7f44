package compose

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Source knows where every attribute of a project was written.
type Source struct {
	files  []*file          // in the order in which they are merged
	bases  map[string]*file // files that only `extends` reads, by absolute path
	unset  []Entry          // variables that have no value
	values int              // read so far
	filled int              // of maxVariables, spent so far
}

// A file is one compose file as it was read.
type file struct {
	name   string       // as the user sees it
	abs    string       // absolute; "" for standard input
	dir    string       // where its relative paths start
	env    lookup       // its variables
	text   []byte       // its contents
	raw    []*yaml.Node // its documents
	docs   []*node      // the same, written out; later ones are laid over earlier ones
	lines  int
	expand func(text string, at path, line int) (string, error)
}

// lookup finds the value of a variable.
type lookup func(name string) (value string, ok bool)

// At returns where an attribute was written: services, web, ports, 0. Where
// several files set it the last one counts; the items of a list count through
// all files. An attribute that nobody wrote is at its nearest parent.
func (s *Source) At(steps ...string) (file string, line int) {
	n, line := s.find(steps)
	if n == nil {
		return s.fallback(), 1
	}
	return n.file.name, line
}

// fallback names the file that the user thinks of as the project's.
func (s *Source) fallback() string {
	if len(s.files) == 0 {
		return "compose.yaml"
	}
	return s.files[len(s.files)-1].name
}

// written returns where an attribute stands: a job is among the services once
// it is read.
func (s *Source) written(at path) path {
	if len(at) < 2 || at[0] != "services" {
		return at
	}
	isService := func(n *node) bool { return n.get("services").get(at[1]) != nil }
	isJob := func(n *node) bool { return n.get("jobs").get(at[1]) != nil }
	if roots := s.roots(); slices.ContainsFunc(roots, isJob) && !slices.ContainsFunc(roots, isService) {
		return append(path{"jobs"}, at[1:]...)
	}
	return at
}

// fault returns an error about an attribute of the project.
func (s *Source) fault(at path, msg string) *Error {
	at = s.written(at)
	f, line := s.At(at...)
	return &Error{File: f, Line: line, Path: at.String(), Msg: msg}
}

// find returns the node of an attribute, or of its nearest parent, and the
// line where its name stands.
func (s *Source) find(at path) (found *node, line int) {
	layers := s.roots()
	at = s.written(at)
	for i, step := range at {
		if i == 2 && at[0] == "services" {
			layers = s.withBases(layers, at[1])
		}
		next, key := descend(layers, step)
		if len(next) == 0 {
			break
		}
		layers = next
		found, line = next[len(next)-1], key
	}
	return found, line
}

// roots returns the top of every document in the order of merging.
func (s *Source) roots() []*node {
	var roots []*node
	for _, f := range s.files {
		roots = append(roots, f.docs...)
	}
	return roots
}

// descend takes one step in every layer. A number goes to that item of all
// lists laid end to end.
func descend(layers []*node, step string) (next []*node, line int) {
	index, err := strconv.Atoi(step)
	for _, n := range layers {
		if n.over {
			next = nil
		}
		if child := n.get(step); child != nil {
			next, line = append(next, child), n.where[step]
			continue
		}
		if item := n.named(step); item != nil && err != nil {
			next, line = append(next, item), item.line
			continue
		}
		if err == nil && n.kind == list {
			if index >= 0 && index < len(n.items) {
				return []*node{n.items[index]}, n.items[index].line
			}
			index -= len(n.items)
		}
	}
	return next, line
}

// named returns the item of a list that stands for a field: "db" for
// depends_on, "A=b" for environment.
func (n *node) named(step string) *node {
	for _, item := range slices.Backward(n.items) {
		if text := item.str(); text == step || strings.HasPrefix(text, step+"=") || strings.HasPrefix(text, step+":") {
			return item
		}
	}
	return nil
}

// withBases puts what a service extends beneath its own layers.
func (s *Source) withBases(layers []*node, service string) []*node {
	var all []*node
	for _, n := range layers {
		all = append(all, s.chain(n, service)...)
	}
	return all
}

// chain returns the services that n extends, the farthest first, and n itself.
func (s *Source) chain(n *node, name string) []*node {
	chain := []*node{n}
	for range maxFiles {
		f, base := s.base(n)
		if f == nil || slices.Contains(chain, base) {
			break
		}
		chain = append(chain, base)
		n = base
	}
	slices.Reverse(chain)
	return chain
}

// base returns the service that n extends, and its file; nil for none.
func (s *Source) base(n *node) (*file, *node) {
	name, from := extendsOf(n)
	if name == "" {
		return nil, nil
	}
	f := n.file
	if from != "" {
		f = s.bases[f.resolve(from)]
	}
	if f == nil {
		return nil, nil
	}
	base := f.service(name)
	if base == nil {
		return nil, nil
	}
	return base.file, base
}

// extendsOf returns the service and the file that a service extends.
func extendsOf(service *node) (name, file string) {
	e := service.get("extends")
	if e == nil {
		return "", ""
	}
	if e.kind == scalar {
		return e.str(), ""
	}
	return e.get("service").str(), e.get("file").str()
}

// service returns the last definition of a service in f.
func (f *file) service(name string) *node {
	for _, doc := range slices.Backward(f.docs) {
		if n := doc.get("services").get(name); n != nil {
			return n
		}
	}
	return nil
}
