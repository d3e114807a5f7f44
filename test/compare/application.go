package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"sigs.k8s.io/yaml"

	"nagi.dev/compose"
)

// An application is a folder with a compose file.
type application struct {
	name     string
	dir      string
	files    []string         // what both sides are given: the file, and the one of stand-ins
	original *compose.Project // as its authors wrote it
	project  *compose.Project // with stand-ins for its images
	images   map[string]string
}

// fileNames are what compose looks for, in its order.
var fileNames = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}

// load reads an application and writes, into work, the file that replaces what
// no registry is there for.
func load(ctx context.Context, dir, work string) (*application, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	a := &application{name: filepath.Base(dir), dir: dir}
	for _, name := range fileNames {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			a.files = []string{filepath.Join(dir, name)}
			break
		}
	}
	if a.files == nil {
		return nil, fmt.Errorf("find compose file in %s: there is none of %s", dir, strings.Join(fileNames, ", "))
	}
	if a.original, err = a.read(ctx); err != nil {
		return nil, err
	}
	name := filepath.Join(work, "stand-ins.yaml")
	if err := a.writeStandIns(name); err != nil {
		return nil, err
	}
	a.files = append(a.files, name)
	a.project, err = a.read(ctx)
	return a, err
}

// environ is what both sides find in their environment: nothing of the host's.
var environ = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}

func (a *application) read(ctx context.Context) (*compose.Project, error) {
	return compose.Load(ctx, compose.LoadOptions{Files: a.files, WorkDir: a.dir, ProjectDir: a.dir, Environ: environ})
}

// writeStandIns replaces three things, for both sides alike: what is built
// gets an image, a digest that no stand-in could have goes, and so does a
// policy that asks a registry.
func (a *application) writeStandIns(name string) error {
	a.images = map[string]string{}
	services := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(a.original.Services)) {
		s := a.original.Services[key]
		a.images[key] = standInName(a.original.Name, s)
		change := map[string]any{}
		if s.Build != nil || a.images[key] != s.Image {
			change["image"] = a.images[key]
		}
		if s.Build != nil {
			change["build"] = "!reset"
		}
		if p := s.PullPolicy; p != "" && p != types.PullPolicyNever && p != types.PullPolicyMissing && p != types.PullPolicyIfNotPresent {
			change["pull_policy"] = "!reset"
		}
		if len(change) > 0 {
			services[key] = change
		}
	}
	text, err := yaml.Marshal(map[string]any{"services": services})
	if err != nil {
		return fmt.Errorf("write stand-ins: %w", err)
	}
	marked := strings.ReplaceAll(string(text), "'!reset'", "!reset null")
	return os.WriteFile(name, []byte(strings.ReplaceAll(marked, `"!reset"`, "!reset null")), 0o644)
}

// standInName is the service's image without a digest; a name of its own where
// it is built.
func standInName(project string, s types.ServiceConfig) string {
	named, err := reference.ParseNormalizedNamed(s.Image)
	if s.Image == "" || err != nil {
		return project + "-" + strings.ToLower(s.Name) + ":stand-in"
	}
	tag := "latest"
	if t, ok := named.(reference.Tagged); ok {
		tag = t.Tag()
	}
	if _, ok := named.(reference.Digested); !ok {
		return s.Image
	}
	return reference.FamiliarName(named) + ":" + tag
}

// fullName is an image's name as a store keeps it.
func fullName(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.TagNameOnly(named).String()
}
