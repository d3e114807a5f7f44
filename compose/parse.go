package compose

import (
	"context"
	"fmt"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"nagi.dev/api/v1alpha1"
)

// Parse reads the text that NewBundle wrote. It fills in no variable, opens
// no file, and holds a text of any origin to the limits of a compose file.
func Parse(text string, assets []v1alpha1.Asset) (*types.Project, error) {
	p, err := parse(text)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, a := range assets {
		if known[a.Key] {
			return nil, fmt.Errorf("parse stack %s: asset %s is there twice", p.Name, a.Key)
		}
		known[a.Key] = true
	}
	return p, nil
}

func parse(text string) (*types.Project, error) {
	source := &Source{bases: map[string]*file{}}
	f := &file{name: "spec.compose"}
	if err := f.parse([]byte(text)); err != nil {
		return nil, err
	}
	if err := isolated(source, f); err != nil {
		return nil, err
	}
	name := f.docs[0].get("name").str()
	if name == "" || ObjectName(name) != name {
		return nil, source.fault(path{"name"}, fmt.Sprintf("%q is not the name of a stack", name))
	}
	p, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		ConfigFiles: []types.ConfigFile{{Filename: f.name, Content: []byte(text)}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SetProjectName(name, true)
		o.SkipInterpolation, o.SkipInclude, o.SkipExtends, o.ResolvePaths = true, true, true, false
		o.SkipNormalization, o.SkipConsistencyCheck = true, true
		o.SkipResolveEnvironment, o.SkipResolveLabels = true, true
		o.Profiles = []string{"*"} // those chosen are all that is left
	})
	if err != nil {
		return nil, source.explain(err)
	}
	checked := &Project{Project: p, Source: source}
	if err := checked.checkJobNames(); err != nil {
		return nil, err
	}
	checked.Project = prepare(p)
	if err := checked.consistent(); err != nil {
		return nil, err
	}
	return checked.Project, nil
}

// isolated writes out f without filling in variables, and refuses what would
// lead to another file.
func isolated(source *Source, f *file) error {
	s := &scanner{source: source}
	if err := s.fillLiteral(f); err != nil {
		return err
	}
	source.files = []*file{f}
	if len(f.docs) != 1 {
		return &Error{File: f.name, Msg: "must be one document"}
	}
	doc := f.docs[0]
	if doc.get("include") != nil {
		return source.fault(path{"include"}, "was to be resolved before")
	}
	if err := checkShape(doc); err != nil {
		return err
	}
	for _, group := range []string{"services", "jobs"} {
		if err := resolved(source, doc.get(group), group); err != nil {
			return err
		}
	}
	return nil
}

// resolved refuses what names another file in a group of containers.
func resolved(source *Source, containers *node, group string) error {
	if containers == nil {
		return nil
	}
	return containers.each(func(name string, _ int, c *node) error {
		for _, n := range append([]*node{c}, items(c.get("pre_start"))...) {
			for _, word := range []string{"extends", "env_file", "label_file"} {
				if n.get(word) != nil {
					return source.fault(path{group, name, word}, "was to be resolved before")
				}
			}
		}
		return nil
	})
}
