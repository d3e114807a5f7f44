package compose

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// LoadOptions say what to load. The zero value loads the compose file of the
// current folder, as compose itself would.
type LoadOptions struct {
	Files      []string  // -f; none: COMPOSE_FILE, else compose.yaml and the like; "-" is Stdin
	ProjectDir string    // where relative paths start; "": the folder of the first file
	Name       string    // "": COMPOSE_PROJECT_NAME, else name: of the file, else the folder's
	Profiles   []string  // none: COMPOSE_PROFILES
	EnvFiles   []string  // --env-file; none: COMPOSE_ENV_FILES, else .env
	Environ    []string  // NAME=value; nil: os.Environ()
	Stdin      io.Reader // read for the file "-"; nil: os.Stdin
	WorkDir    string    // relative to it Files are found and named; "": the current folder
}

// A Project is a compose project that was found to be sound.
type Project struct {
	*types.Project         // services are those of the chosen profiles; env files are resolved
	Source         *Source // where each attribute was written
	Assets         []Asset // the contents of the local files it names

	model   map[string]any // what compose-go merged, before it became Go types
	watched bool           // its develop sections count
	pods    *pods          // which services run together; nil: not asked yet
}

// Load reads the compose files and everything they name: includes, extended
// files, env files, and the files of configs, secrets and bind mounts. It
// returns an *Error for the first fault of a file.
func Load(ctx context.Context, o LoadOptions) (*Project, error) {
	l, err := newLoad(o)
	if err != nil {
		return nil, err
	}
	if err := l.scan(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("load %s: %w", l.source.fallback(), err)
	}
	p, err := l.merge(ctx)
	if err != nil {
		return nil, l.source.explain(err)
	}
	return p, nil
}

// A load is one call of Load.
type load struct {
	LoadOptions
	source *Source
	files  []*file // those of -f
	env    types.Mapping
}

// newLoad finds the files, the folder and the variables.
func newLoad(o LoadOptions) (*load, error) {
	l := &load{LoadOptions: o, source: &Source{bases: map[string]*file{}}}
	if l.Environ == nil {
		l.Environ = os.Environ()
	}
	var err error
	if l.WorkDir == "" {
		if l.WorkDir, err = os.Getwd(); err != nil {
			return nil, fmt.Errorf("find current folder: %w", err)
		}
	}
	l.env = environ(l.Environ)
	if len(l.Files) == 0 { // an env file may say COMPOSE_FILE
		if err := l.readEnvFiles(l.abs(l.ProjectDir)); err != nil {
			return nil, err
		}
	}
	if err := l.findFiles(); err != nil {
		return nil, err
	}
	l.ProjectDir = l.projectDir()
	if err := l.readEnvFiles(l.ProjectDir); err != nil {
		return nil, err
	}
	l.chooseProfiles()
	return l, nil
}

// projectDir returns the folder at which relative paths start.
func (l *load) projectDir() string {
	if l.ProjectDir != "" {
		return l.abs(l.ProjectDir)
	}
	if f := l.Files[0]; f != "-" {
		return filepath.Dir(f)
	}
	return l.WorkDir
}

func (l *load) abs(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(l.WorkDir, name)
}

// scan reads all files into the source.
func (l *load) scan() error {
	s := &scanner{workDir: l.WorkDir, source: l.source}
	for _, name := range l.Files {
		f, err := l.open(s, name)
		if err != nil {
			return err
		}
		l.files = append(l.files, f)
	}
	if err := l.chooseName(); err != nil {
		return err
	}
	for _, f := range l.files {
		if err := s.add(f, l.env, nil); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) open(s *scanner, name string) (*file, error) {
	if name != "-" {
		return s.open(name, l.ProjectDir)
	}
	in := l.Stdin
	if in == nil {
		in = os.Stdin
	}
	f := &file{name: "stdin", dir: l.ProjectDir}
	data, err := readAll(in)
	if err != nil {
		return nil, &Error{File: f.name, Msg: err.Error()}
	}
	return f, f.parse(data)
}

// merge lets compose-go make one project of the files, and checks it.
func (l *load) merge(ctx context.Context) (*Project, error) {
	details := types.ConfigDetails{WorkingDir: l.ProjectDir, Environment: l.env}
	for _, f := range l.files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: cmp.Or(f.abs, "-"), Content: f.text})
	}
	opts := []func(*loader.Options){l.loaderOptions}
	model, err := loader.LoadModelWithContext(ctx, details, opts...)
	if err != nil {
		return nil, err
	}
	p := &Project{Source: l.source, model: copyModel(model)}
	if p.Project, err = loader.ModelToProject(model, loader.ToOptions(&details, opts), details); err != nil {
		return nil, err
	}
	return p, p.complete()
}

func (l *load) loaderOptions(o *loader.Options) {
	o.SetProjectName(l.Name, true)
	o.Profiles = l.Profiles
	o.SkipConsistencyCheck = true                              // consistency.go names file and line
	o.SkipResolveEnvironment, o.SkipResolveLabels = true, true // complete does
	o.Interpolate.Substitute = substitute
}

// complete checks the merged project, resolves its env files and reads what
// it names.
func (p *Project) complete() error {
	if err := p.checkJobNames(); err != nil {
		return err
	}
	p.Project = prepare(p.Project)
	if err := p.checkEnvFiles(); err != nil {
		return err
	}
	resolved, err := p.WithServicesEnvironmentResolved(true)
	if err != nil {
		return err
	}
	if p.Project, err = resolved.WithServicesLabelsResolved(true); err != nil {
		return err
	}
	if err := p.consistent(); err != nil {
		return err
	}
	p.nameBuilds()
	p.keepFolders()
	p.Assets, err = p.collectAssets()
	return err
}

// copyModel copies what ModelToProject takes apart.
func copyModel(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			v = copyModel(inner)
		}
		c[k] = v
	}
	return c
}

// environ reads NAME=value pairs. A pair without "=" is no variable.
func environ(pairs []string) types.Mapping {
	env := types.Mapping{}
	for _, p := range pairs {
		if name, value, ok := strings.Cut(p, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}
