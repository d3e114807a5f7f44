package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// A scanner reads every file of a project into a Source, in the order in
// which compose-go will merge them, and stops at the first fault.
type scanner struct {
	workDir string // names are shown relative to it
	source  *Source
}

// open reads and parses one file; its variables are filled in by build.
func (s *scanner) open(abs, dir string) (*file, error) {
	f := &file{name: s.show(abs), abs: abs, dir: dir}
	data, err := readFile(abs)
	if err != nil {
		return nil, &Error{File: f.name, Msg: err.Error()}
	}
	return f, f.parse(data)
}

// show shortens a name to what the user would type.
func (s *scanner) show(abs string) string {
	if rel, err := filepath.Rel(s.workDir, abs); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return abs
}

// parse fills f.raw.
func (f *file) parse(data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if line, err := checkText(data); err != nil {
		return &Error{File: f.name, Line: line, Msg: err.Error()}
	}
	f.text = data
	f.lines = bytes.Count(data, []byte("\n")) + 1
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, msg := syntaxFault(err, data, f.lines)
			return &Error{File: f.name, Line: line, Msg: msg}
		}
		if len(doc.Content) == 1 {
			f.raw = append(f.raw, doc.Content[0])
		}
	}
	if len(f.raw) == 0 {
		return &Error{File: f.name, Msg: "is empty"}
	}
	return nil
}

// fill writes out the documents of f with the variables of env.
func (s *scanner) fill(f *file, env lookup) error {
	f.env, f.expand = env, s.expander(f, env)
	return s.fillLiteral(f)
}

// fillLiteral does so without variables, unless f has them.
func (s *scanner) fillLiteral(f *file) error {
	for _, y := range f.raw {
		size, at, err := newGauge().measure(y, 0)
		if err != nil {
			return f.fault(at.Line, nil, "%s", err)
		}
		if s.source.values += size; s.source.values > maxValues {
			return f.fault(y.Line, nil, "the project has more than %d values", maxValues)
		}
		doc, err := f.build(y, nil)
		if err != nil {
			return err
		}
		if doc.kind != mapping {
			return f.fault(doc.line, nil, `the file must be a mapping with "services:", not %s`, doc.kind)
		}
		f.docs = append(f.docs, doc)
	}
	f.raw = nil
	return nil
}

// add appends f to the source, after the files that it includes. above are
// the files on the way to f.
func (s *scanner) add(f *file, env types.Mapping, above []*file) error {
	if len(s.source.files)+len(s.source.bases) >= maxFiles {
		return f.fault(0, nil, "the project has more than %d files", maxFiles)
	}
	if err := s.fill(f, env.Resolve); err != nil {
		return err
	}
	for _, doc := range f.docs {
		if err := checkShape(doc); err != nil {
			return err
		}
		for i, inc := range items(doc.get("include")) {
			at := path{"include", fmt.Sprint(i)}
			if err := s.include(f, inc, at, env, append(slices.Clone(above), f)); err != nil {
				return err
			}
		}
	}
	s.source.files = append(s.source.files, f)
	return s.extend(f)
}

// items returns those of a list; nil of all else.
func items(n *node) []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// texts returns a string or a list of strings as a list.
func texts(n *node) []*node {
	if n == nil || n.null() {
		return nil
	}
	if n.kind == scalar {
		return []*node{n}
	}
	return n.items
}

// include reads the files of one include entry.
func (s *scanner) include(f *file, n *node, at path, env types.Mapping, above []*file) error {
	names, dir := texts(n), ""
	if n.kind == mapping {
		names = texts(n.get("path"))
		dir = n.get("project_directory").str()
	}
	if len(names) == 0 {
		return f.fault(n.line, at, `names no file; write "path: other.yaml"`)
	}
	first, err := f.local(names[0], at)
	if err != nil {
		return err
	}
	if dir = f.resolve(dir); n.get("project_directory").str() == "" {
		dir = filepath.Dir(first)
	}
	inner, err := s.includeEnv(f, n, at, dir, env)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.includeFile(f, name, at, dir, inner, above); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) includeFile(f *file, name *node, at path, dir string, env types.Mapping, above []*file) error {
	abs, err := f.local(name, at)
	if err != nil {
		return err
	}
	for i, a := range above {
		if a.abs == abs {
			return f.fault(name.line, at, "files include each other in a circle: %s", circle(above[i:], s.show(abs)))
		}
	}
	inc, err := s.open(abs, dir)
	if err != nil {
		return located(err, f, name.line, at)
	}
	return s.add(inc, env, above)
}

func circle(files []*file, last string) string {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	return strings.Join(append(names, last), " → ")
}

// includeEnv adds the env files of an include to the variables, as compose does.
func (s *scanner) includeEnv(f *file, n *node, at path, dir string, env types.Mapping) (types.Mapping, error) {
	var names []string
	for _, e := range texts(n.get("env_file")) {
		if e.str() == "/dev/null" {
			continue
		}
		name := f.resolve(e.str())
		if err := regular(name); err != nil {
			return nil, f.fault(e.line, at.with("env_file"), "%s: %v", e.str(), err)
		}
		names = append(names, name)
	}
	if own := filepath.Join(dir, ".env"); n.get("env_file").null() && regular(own) == nil {
		names = []string{own}
	}
	more, err := dotenv.GetEnvFromFile(env, names)
	if err != nil {
		return nil, f.fault(n.line, at, "%s", envFault(err))
	}
	return env.Clone().Merge(more), nil
}

// extend reads the files that the services of f extend, and follows each
// chain to its end.
func (s *scanner) extend(f *file) error {
	for _, doc := range f.docs {
		services := doc.get("services")
		if services == nil || services.kind != mapping {
			continue
		}
		for _, name := range services.keys {
			if err := s.follow(services.fields[name], name); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow walks one chain of extends.
func (s *scanner) follow(n *node, name string) error {
	seen := []*node{n}
	names := []string{name}
	for {
		base, from := extendsOf(n)
		if base == "" {
			return nil
		}
		at, line := path{"services", name, "extends"}, n.where["extends"]
		f, err := s.baseFile(n, from, at, line)
		if err != nil {
			return err
		}
		next := f.service(base)
		if next == nil {
			return n.file.fault(line, at, "%s has no service %q%s", f.name, base, meant(base, f.serviceNames()))
		}
		names = append(names, base)
		if slices.Contains(seen, next) {
			return n.file.fault(line, at, "services extend each other in a circle: %s", strings.Join(names, " → "))
		}
		if f != n.file {
			if err := checkService(next, path{"services", base}); err != nil {
				return err
			}
		}
		if seen, n, name = append(seen, next), next, base; len(seen) > maxExtends {
			return n.file.fault(line, at, "more than %d services extend each other", maxExtends)
		}
	}
}

// baseFile returns the file in which n looks for the service it extends.
func (s *scanner) baseFile(n *node, from string, at path, line int) (*file, error) {
	if from == "" {
		return n.file, nil
	}
	abs, err := n.file.local(n.get("extends").get("file"), at.with("file"))
	if err != nil {
		return nil, err
	}
	if f := s.source.bases[abs]; f != nil {
		return f, nil
	}
	if len(s.source.files)+len(s.source.bases) >= maxFiles {
		return nil, n.file.fault(line, at, "the project has more than %d files", maxFiles)
	}
	f, err := s.open(abs, filepath.Dir(abs))
	if err != nil {
		return nil, located(err, n.file, n.get("extends").where["file"], at.with("file"))
	}
	s.source.bases[abs] = f
	return f, s.fill(f, n.file.env)
}

func (f *file) serviceNames() []string {
	var names []string
	for _, doc := range f.docs {
		if s := doc.get("services"); s != nil {
			names = append(names, s.keys...)
		}
	}
	return names
}

// resolve returns the absolute form of a name that stands in f.
func (f *file) resolve(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(f.dir, name)
}

// local returns the absolute name of a file that f refers to.
func (f *file) local(n *node, at path) (string, error) {
	name := n.str()
	switch {
	case name == "":
		return "", f.fault(n.line, at, "names no file")
	case strings.Contains(name, "://") || strings.HasPrefix(name, "git@") || strings.HasPrefix(name, "oci:"):
		return "", f.fault(n.line, at, "%s is not on this machine; copy the file into the project and name the copy", name)
	}
	return f.resolve(name), nil
}

// regular says why name is not a readable file; nil if it is.
func regular(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return plainCause(err)
	}
	if info.IsDir() {
		return errors.New("is a folder, not a file")
	}
	return nil
}

// located moves a fault of opening a file to the place that names the file.
// A fault inside the file stays there.
func located(err error, f *file, line int, at path) error {
	var e *Error
	if errors.As(err, &e) && e.Line == 0 {
		return f.fault(line, at, "%s: %s", e.File, e.Msg)
	}
	return err
}
