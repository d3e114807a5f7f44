package compose

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// A Build is the image of a service, to be made before the service runs.
type Build struct {
	Service    string
	Image      string // its name: the service's image, or PROJECT-SERVICE
	Context    string // folder
	Dockerfile string // file
	Inline     string // the text of the Dockerfile, instead of a file
	Target     string
	Tags       []string // Image and those beside it
	Args       map[string]string
	Labels     map[string]string
	Contexts   map[string]string // by name: a folder or docker-image://NAME
	Services   map[string]string // by name of the context: the service whose image it is
	Secrets    map[string][]byte // by id
	Network    string            // "", none or host
	AllowHost  bool              // a step may ask for the machine's network
	ExtraHosts []string          // NAME=ADDRESS
	Ulimits    []string          // NAME=SOFT:HARD
	ShmSize    int64             // bytes
	NoCache    bool
	NoCacheOf  []string
	Pull       bool
	CacheFrom  []map[string]string
	CacheTo    []map[string]string
}

// Builds lists the images to make, each after those that it stands on.
func Builds(p *Project) ([]Build, error) {
	o := &buildOrder{project: p, state: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		if err := o.visit(name, name); err != nil {
			return nil, err
		}
	}
	return o.builds, nil
}

// A buildOrder sorts builds by what they stand on.
type buildOrder struct {
	project *Project
	state   map[string]int // 1: begun, 2: done
	builds  []Build
}

// visit adds the build of a service, after those below it. by is the service
// that asks for it.
func (o *buildOrder) visit(name, by string) error {
	s, ok := o.project.Services[name]
	at := path{"services", by, "build", "additional_contexts"}
	switch {
	case !ok:
		return o.project.Source.fault(at, fmt.Sprintf("the service %s is not deployed", name))
	case o.state[name] == 1:
		return o.project.Source.fault(at, fmt.Sprintf("%s and %s are built of each other", by, name))
	case o.state[name] == 2 || s.Build == nil || remote(s.Build.Context): // refused, or left out
		return nil
	}
	o.state[name] = 1
	b, err := o.project.buildOf(s)
	if err != nil {
		return err
	}
	for _, base := range slices.Sorted(maps.Values(b.Services)) {
		if err := o.visit(base, name); err != nil {
			return err
		}
	}
	o.state[name] = 2
	o.builds = append(o.builds, b)
	return nil
}

// buildOf reads the build of a service.
func (p *Project) buildOf(s types.ServiceConfig) (Build, error) {
	c := s.Build
	b := Build{
		Service: s.Name, Image: s.Image, Context: c.Context, Inline: c.DockerfileInline,
		Target: c.Target, Args: p.buildArgs(c.Args), Labels: c.Labels, Contexts: map[string]string{}, Services: map[string]string{},
		ExtraHosts: c.ExtraHosts.AsList("="), Ulimits: ulimits(c.Ulimits), ShmSize: int64(c.ShmSize),
		NoCache: c.NoCache, NoCacheOf: c.NoCacheFilter, Pull: c.Pull, CacheFrom: p.localCaches(c.CacheFrom), CacheTo: p.localCaches(c.CacheTo),
		AllowHost: slices.Contains(c.Entitlements, "network.host"),
	}
	b.Tags = append([]string{b.Image}, c.Tags...)
	if b.Inline == "" {
		b.Dockerfile = cmp.Or(c.Dockerfile, "Dockerfile")
		if !filepath.IsAbs(b.Dockerfile) {
			b.Dockerfile = filepath.Join(c.Context, b.Dockerfile)
		}
	}
	if c.Network == "none" || c.Network == "host" {
		b.Network = c.Network
	}
	for name, where := range c.AdditionalContexts {
		p.buildContext(&b, name, where)
	}
	var err error
	b.Secrets, err = p.buildSecrets(s.Name, c.Secrets)
	return b, err
}

// buildContext adds a named context: a service stands for its image.
func (p *Project) buildContext(b *Build, name, where string) {
	service, ok := strings.CutPrefix(where, "service:")
	switch s := p.Services[service]; {
	case ok && s.Build == nil && s.Image != "": // a service that is missing has no image
		b.Contexts[name] = "docker-image://" + s.Image
	case ok:
		b.Services[name] = service
	case !remote(where) || strings.HasPrefix(where, "docker-image://"): // others are refused, or left out
		b.Contexts[name] = where
	}
}

// nameBuilds gives services that are built, and have no image, the name that
// compose gives them.
func (p *Project) nameBuilds() {
	for name, s := range p.Services {
		if s.Image == "" && s.Build != nil {
			s.Image = p.Name + "-" + ObjectName(name)
			p.Services[name] = s
		}
	}
}

// buildArgs fills in arguments without a value from the project's variables;
// those that are not set are not passed.
func (p *Project) buildArgs(args types.MappingWithEquals) map[string]string {
	out := map[string]string{}
	for name, value := range args {
		if value != nil {
			out[name] = *value
		} else if v, ok := p.Environment[name]; ok {
			out[name] = v
		}
	}
	return out
}

// buildSecrets reads the secrets that a build asks for.
func (p *Project) buildSecrets(service string, refs []types.ServiceSecretConfig) (map[string][]byte, error) {
	out := map[string][]byte{}
	for i, ref := range refs {
		at := path{"services", service, "build", "secrets", strconv.Itoa(i)}
		secret, ok := p.Secrets[ref.Source]
		id := cmp.Or(ref.Target, ref.Source)
		switch {
		case !ok || bool(secret.External):
			return nil, p.Source.fault(at, fmt.Sprintf("the secret %s is not in this file; a build takes those with \"file\" or \"environment\"", ref.Source))
		case secret.File != "":
			data, err := os.ReadFile(secret.File)
			if err != nil {
				return nil, p.Source.fault(at, p.show(secret.File)+": "+plainCause(err).Error())
			}
			out[id] = data
		case secret.Environment != "":
			value, ok := p.Environment[secret.Environment]
			if !ok {
				return nil, p.Source.fault(at, fmt.Sprintf("the variable %s is not set", secret.Environment))
			}
			out[id] = []byte(value)
		default:
			out[id] = []byte(secret.Content)
		}
	}
	return out, nil
}

func ulimits(all map[string]*types.UlimitsConfig) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		u := all[name]
		soft, hard := cmp.Or(u.Soft, u.Single), cmp.Or(u.Hard, u.Single)
		out = append(out, fmt.Sprintf("%s=%d:%d", name, soft, hard))
	}
	return out
}

// localCaches keeps the caches that need no registry: type=local and inline.
// Their folders are relative to the project.
func (p *Project) localCaches(list []string) []map[string]string {
	var out []map[string]string
	for _, text := range list {
		c := cacheFields(text)
		if c["type"] != "local" && c["type"] != "inline" {
			continue
		}
		for _, key := range []string{"src", "dest"} {
			if c[key] != "" && !filepath.IsAbs(c[key]) {
				c[key] = filepath.Join(p.WorkingDir, c[key])
			}
		}
		out = append(out, c)
	}
	return out
}

// cacheFields reads type=local,src=FOLDER; a name alone is an image.
func cacheFields(text string) map[string]string {
	if !strings.Contains(text, "=") {
		return map[string]string{"type": "registry", "ref": text}
	}
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		out[name] = value
	}
	return out
}

// WithImages returns p with images in the place of builds, by service. A
// service without a build that names such an image gets it too. p stays as it
// is: it may be built again.
func (p *Project) WithImages(made map[string]string) *Project {
	inner, q := *p.Project, *p
	inner.Services = maps.Clone(p.Services)
	q.Project = &inner
	byName := map[string]string{}
	for service, image := range made {
		byName[canonicalImage(p.Services[service].Image)] = image
	}
	for name, s := range p.Services {
		s.PreStart = slices.Clone(s.PreStart)
		for i, hook := range s.PreStart {
			s.PreStart[i].Image = cmp.Or(byName[canonicalImage(hook.Image)], hook.Image)
		}
		if image := cmp.Or(made[name], byName[canonicalImage(s.Image)]); image != "" {
			s.Image, s.PullPolicy = image, "" // it is here, and nowhere else
		}
		q.Services[name] = s
	}
	return &q
}

// canonicalImage adds what a short name leaves out.
func canonicalImage(name string) string {
	if name == "" {
		return ""
	}
	first, rest, found := strings.Cut(name, "/")
	switch {
	case !found:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		name = "docker.io/" + first + "/" + rest
	}
	if last := name[strings.LastIndex(name, "/")+1:]; !strings.ContainsAny(last, ":@") {
		name += ":latest"
	}
	return name
}
