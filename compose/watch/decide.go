package watch

import (
	"fmt"
	slashpath "path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"nagi.dev/compose"
)

// A Task is what a few changes mean for one service.
type Task struct {
	Service string
	Files   []File
	Restart bool       // once the files are there
	Exec    [][]string // commands to run once the files are there
	Rebuild bool       // instead of all else, where images can be built
}

// A File of this machine goes to a place in the containers.
type File struct{ From, To string }

// The actions of a trigger, beside plain sync.
const (
	rebuild     = "rebuild"
	restart     = "restart"
	syncRestart = "sync+restart"
	syncExec    = "sync+exec"
)

// A rule is a trigger with its patterns read.
type rule struct {
	compose.Trigger
	ignore  []patterns
	include patterns
}

type patterns struct {
	dir   string
	match *patternmatcher.PatternMatcher // nil: there are none
}

func newRules(triggers []compose.Trigger) ([]rule, error) {
	var all []rule
	for _, t := range triggers {
		r := rule{Trigger: t}
		for _, p := range append([]compose.Patterns{temporary(t.Path)}, t.Ignore...) {
			m, err := newPatterns(p)
			if err != nil {
				return nil, fmt.Errorf("service %s: watch %s: %w", t.Service, t.Path, err)
			}
			r.ignore = append(r.ignore, m)
		}
		var err error
		if r.include, err = newPatterns(t.Include); err != nil {
			return nil, fmt.Errorf("service %s: watch %s: %w", t.Service, t.Path, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// temporary are the files that editors and git make for themselves.
func temporary(dir string) compose.Patterns {
	return compose.Patterns{Dir: dir, Lines: []string{
		"**/.git", "**/*.swp", "**/*.swx", "**/*.swo", "**/4913", "**/*~", "**/.#*", "**/#*#", "**/.DS_Store", "**/___jb_*___",
	}}
}

func newPatterns(p compose.Patterns) (patterns, error) {
	if len(p.Lines) == 0 {
		return patterns{}, nil
	}
	m, err := patternmatcher.New(p.Lines)
	if err != nil {
		return patterns{}, fmt.Errorf("read patterns %q: %w", p.Lines, err)
	}
	return patterns{p.Dir, m}, nil
}

// has tells whether a pattern names a file or a folder that it lies in.
func (p patterns) has(name string) bool {
	rel, err := filepath.Rel(p.dir, name)
	if p.match == nil || err != nil || !filepath.IsLocal(rel) {
		return false
	}
	ok, err := p.match.MatchesOrParentMatches(rel)
	return ok && err == nil
}

// covers tells whether a trigger is about a file.
func (r rule) covers(name string) bool {
	if name != r.Path && !strings.HasPrefix(name, r.Path+string(filepath.Separator)) {
		return false
	}
	return !r.ignores(name) && (r.include.match == nil || r.include.has(name))
}

// ignores tells whether nothing at or below a path is watched. A pattern with
// an exception (!) may have something below, so that its folders are looked at.
func (r rule) ignores(name string) bool {
	return slices.ContainsFunc(r.ignore, func(p patterns) bool { return p.has(name) })
}

// skips tells whether a folder can be left unwatched.
func (r rule) skips(dir string) bool {
	return slices.ContainsFunc(r.ignore, func(p patterns) bool { return p.has(dir) && !p.match.Exclusions() })
}

// target returns where a file goes in the container.
func (r rule) target(name string) string {
	rel, err := filepath.Rel(r.Path, name)
	if err != nil || rel == "." {
		return slashpath.Clean(r.Target)
	}
	return slashpath.Join(r.Target, filepath.ToSlash(rel))
}

// decide returns what changes mean, one Task a service.
func decide(rules []rule, changed []string) []Task {
	var tasks []Task
	for _, r := range rules {
		hit := slices.DeleteFunc(slices.Clone(changed), func(name string) bool { return !r.covers(name) })
		if len(hit) == 0 {
			continue
		}
		i := slices.IndexFunc(tasks, func(t Task) bool { return t.Service == r.Service })
		if i < 0 {
			i, tasks = len(tasks), append(tasks, Task{Service: r.Service})
		}
		tasks[i].add(r, hit)
	}
	return tasks
}

// add notes what a rule wants because of the files hit.
func (t *Task) add(r rule, hit []string) {
	switch r.Action {
	case rebuild:
		t.Rebuild = true
		return
	case restart:
		t.Restart = true
		return
	case syncRestart:
		t.Restart = true
	case syncExec:
		if len(r.Exec) > 0 && !slices.ContainsFunc(t.Exec, func(c []string) bool { return slices.Equal(c, r.Exec) }) {
			t.Exec = append(t.Exec, r.Exec)
		}
	}
	for _, name := range hit {
		if f := (File{name, r.target(name)}); !slices.Contains(t.Files, f) {
			t.Files = append(t.Files, f)
		}
	}
}
