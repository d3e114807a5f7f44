package compose

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// chooseName settles the name of the project. The variables know it too.
func (l *load) chooseName() error {
	given, at, err := l.givenName()
	if err != nil {
		return err
	}
	name := ObjectName(given)
	fault := at
	switch {
	case name == "":
		fault.Msg = fmt.Sprintf("%q makes no project name; give one of letters and digits with -p", given)
	case name == "kube" || strings.HasPrefix(name, "kube-"):
		fault.Msg = fmt.Sprintf("the name %q belongs to Kubernetes; give another with -p", name)
	default:
		l.Name, l.env["COMPOSE_PROJECT_NAME"] = name, name
		return nil
	}
	return &fault
}

// givenName returns the name as someone gave it, and where.
func (l *load) givenName() (string, Error, error) {
	if n := cmp.Or(l.Name, l.env["COMPOSE_PROJECT_NAME"]); n != "" {
		return n, Error{File: "project name"}, nil
	}
	for i := len(l.files) - 1; i >= 0; i-- {
		f := l.files[i]
		y := f.topLevel("name")
		if y == nil {
			continue
		}
		text, err := substitute(y.Value, l.env.Resolve)
		if err != nil {
			return "", Error{}, f.fault(y.Line, path{"name"}, "%s", variableFault(err, y.Value))
		}
		if text != "" {
			return text, Error{File: f.name, Line: y.Line, Path: "name"}, nil
		}
	}
	dir := filepath.Base(l.ProjectDir)
	return dir, Error{File: l.ProjectDir}, nil
}

// topLevel returns a scalar of the top of f before it is written out.
func (f *file) topLevel(key string) *yaml.Node {
	for _, doc := range f.raw {
		for i := 0; i+1 < len(doc.Content) && doc.Kind == yaml.MappingNode; i += 2 {
			if v := doc.Content[i+1]; doc.Content[i].Value == key && v.Kind == yaml.ScalarNode {
				return v
			}
		}
	}
	return nil
}
