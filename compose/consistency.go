package compose

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	slashpath "path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// consistent holds the parts of the merged project against each other and
// returns the fault that stands first in the files.
func (p *Project) consistent() error {
	var faults []*Error
	add := func(e *Error) {
		if e != nil {
			faults = append(faults, e)
		}
	}
	if len(p.Services) == 0 {
		add(p.noServices())
	}
	for _, name := range p.ServiceNames() {
		s := p.Services[name]
		at := path{"services", name}
		for _, check := range []func(path, types.ServiceConfig) *Error{
			p.checkRuns, p.checkLimits, p.checkDependencies, p.checkJob, p.checkMounts, p.checkHealth,
		} {
			add(check(at, s))
		}
		add(p.checkReferences(at, s))
	}
	if e := p.checkJoins(); e != nil {
		add(e)
	} else {
		add(p.checkCircles())
	}
	add(p.checkPublished())
	add(p.checkNames())
	if len(faults) == 0 {
		return nil
	}
	return slices.MinFunc(faults, (*Error).compare)
}

func (p *Project) noServices() *Error {
	if len(p.DisabledServices) > 0 {
		return p.Source.fault(path{"services"}, "every service belongs to a profile; choose one with --profile")
	}
	return p.Source.fault(path{"services"}, `there is no service; add one under "services:"`)
}

// checkRuns asks for something to run, once.
func (p *Project) checkRuns(at path, s types.ServiceConfig) *Error {
	switch {
	case s.Image == "" && s.Build == nil && s.Provider == nil:
		return p.Source.fault(at, `has neither image nor build; write "image: NAME"`)
	case s.NetworkMode != "" && len(s.Networks) > 0:
		return p.Source.fault(at.with("network_mode"), "excludes networks; remove one of the two")
	}
	for _, j := range namedJoins(s) {
		if !p.has(j.to) {
			return p.Source.fault(at.with(j.attribute), p.noService(j.to))
		}
	}
	return nil
}

func (p *Project) has(service string) bool {
	_, ok := p.Services[service]
	return ok
}

func (p *Project) noService(name string) string {
	if _, off := p.DisabledServices[name]; off {
		return fmt.Sprintf("the service %q belongs to a profile that is not chosen; add --profile", name)
	}
	return fmt.Sprintf("there is no service %q%s", name, meant(name, p.ServiceNames()))
}

// checkLimits compares the old and the new way to write the same limit.
func (p *Project) checkLimits(at path, s types.ServiceConfig) *Error {
	if s.Deploy == nil {
		return p.checkScale(at, s)
	}
	if s.Scale != nil && s.Deploy.Replicas != nil && *s.Scale != *s.Deploy.Replicas {
		return p.Source.fault(at.with("scale"), fmt.Sprintf("%d contradicts deploy.replicas, %d; remove one", *s.Scale, *s.Deploy.Replicas))
	}
	if l := s.Deploy.Resources.Limits; l != nil {
		if s.CPUS != 0 && l.NanoCPUs != 0 && l.NanoCPUs.Value() != s.CPUS {
			return p.Source.fault(at.with("cpus"), "contradicts deploy.resources.limits.cpus; remove one")
		}
		if s.MemLimit != 0 && l.MemoryBytes != 0 && l.MemoryBytes != s.MemLimit {
			return p.Source.fault(at.with("mem_limit"), "contradicts deploy.resources.limits.memory; remove one")
		}
	}
	if r := s.Deploy.Resources.Reservations; r != nil && s.MemReservation != 0 && r.MemoryBytes != 0 && r.MemoryBytes != s.MemReservation {
		return p.Source.fault(at.with("mem_reservation"), "contradicts deploy.resources.reservations.memory; remove one")
	}
	return p.checkScale(at, s)
}

func (p *Project) checkScale(at path, s types.ServiceConfig) *Error {
	if n := s.GetScale(); n > 1 && s.ContainerName != "" {
		return p.Source.fault(at.with("container_name"), fmt.Sprintf("%d containers cannot share one name; remove it, or run one", n))
	}
	return nil
}

// checkDependencies asks that what a service waits for is there.
func (p *Project) checkDependencies(at path, s types.ServiceConfig) *Error {
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		if slices.ContainsFunc(namedJoins(s), func(j join) bool { return j.to == name }) {
			continue // told already
		}
		if d := s.DependsOn[name]; !p.has(name) && d.Required {
			return p.Source.fault(at.with("depends_on").with(name), p.noService(name))
		}
	}
	return nil
}

func (p *Project) checkHealth(at path, s types.ServiceConfig) *Error {
	if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 {
		return nil
	}
	first := s.HealthCheck.Test[0]
	words := []string{"CMD", "CMD-SHELL", "NONE"}
	if slices.Contains(words, first) {
		return nil
	}
	return p.Source.fault(at.with("healthcheck").with("test"),
		fmt.Sprintf("a list must begin with CMD, CMD-SHELL or NONE, not %q%s", first, meant(first, words)))
}

// checkReferences asks that every network, volume, config and secret that a
// service names is declared.
func (p *Project) checkReferences(at path, s types.ServiceConfig) *Error {
	for name := range s.Networks {
		if _, ok := p.Networks[name]; !ok {
			return p.undeclared(at.with("networks").with(name), "networks", name, slices.Collect(maps.Keys(p.Networks)))
		}
	}
	for i, v := range s.Volumes {
		if _, ok := p.Volumes[v.Source]; v.Type == types.VolumeTypeVolume && v.Source != "" && !ok {
			return p.undeclared(at.with("volumes").with(strconv.Itoa(i)), "volumes", v.Source, slices.Collect(maps.Keys(p.Volumes)))
		}
	}
	for i, c := range s.Configs {
		if _, ok := p.Configs[c.Source]; !ok {
			return p.undeclared(at.with("configs").with(strconv.Itoa(i)), "configs", c.Source, slices.Collect(maps.Keys(p.Configs)))
		}
	}
	for i, c := range s.Secrets {
		if _, ok := p.Secrets[c.Source]; !ok {
			return p.undeclared(at.with("secrets").with(strconv.Itoa(i)), "secrets", c.Source, slices.Collect(maps.Keys(p.Secrets)))
		}
	}
	return nil
}

func (p *Project) undeclared(at path, group, name string, known []string) *Error {
	slices.Sort(known)
	hint := meant(name, known)
	if hint == "" {
		hint = fmt.Sprintf("; add it under the top-level %q", group+":")
	}
	return p.Source.fault(at, fmt.Sprintf("%q is not declared%s", name, hint))
}

// checkMounts asks that no two things are mounted at one place.
func (p *Project) checkMounts(at path, s types.ServiceConfig) *Error {
	taken := map[string]path{}
	claim := func(target string, at path) *Error {
		target = slashpath.Clean(target)
		if other, twice := taken[target]; twice {
			return p.Source.fault(at, fmt.Sprintf("%s is already taken by %s", target, other))
		}
		taken[target] = at
		return nil
	}
	var first *Error
	keep := func(e *Error) { first = cmp.Or(first, e) }
	for i, v := range s.Volumes {
		keep(claim(v.Target, at.with("volumes").with(strconv.Itoa(i))))
	}
	for i, t := range s.Tmpfs {
		target, _, _ := strings.Cut(t, ":")
		keep(claim(target, at.with("tmpfs").with(strconv.Itoa(i))))
	}
	for i, c := range s.Configs {
		keep(claim(slashpath.Join("/", cmp.Or(c.Target, c.Source)), at.with("configs").with(strconv.Itoa(i))))
	}
	for i, c := range s.Secrets {
		target := cmp.Or(c.Target, c.Source)
		if !slashpath.IsAbs(target) {
			target = slashpath.Join("/run/secrets", target)
		}
		keep(claim(target, at.with("secrets").with(strconv.Itoa(i))))
	}
	return first
}

// checkCircles asks that waiting comes to an end.
func (p *Project) checkCircles() *Error {
	done := map[string]bool{}
	for _, name := range p.ServiceNames() {
		if e := p.waitFrom(name, nil, done); e != nil {
			return e
		}
	}
	return nil
}

// waitFrom follows depends_on from a service; way holds those above it.
func (p *Project) waitFrom(name string, way []string, done map[string]bool) *Error {
	if i := slices.Index(way, name); i >= 0 {
		ring := append(slices.Clone(way[i:]), name)
		at := path{"services", way[len(way)-1], "depends_on", name}
		return p.Source.fault(at, "services wait for each other in a circle: "+strings.Join(ring, " → "))
	}
	if done[name] {
		return nil
	}
	way = append(way, name)
	for _, next := range slices.Sorted(maps.Keys(p.Services[name].DependsOn)) {
		if e := p.waitFrom(next, way, done); e != nil {
			return e
		}
	}
	done[name] = true
	return nil
}

// checkNames asks that names stay apart when Kubernetes has shortened them.
func (p *Project) checkNames() *Error {
	for _, group := range []struct {
		name string
		keys []string
	}{{"services", p.ServiceNames()}, {"volumes", p.VolumeNames()}} {
		taken := map[string]string{}
		for _, key := range group.keys {
			name := ObjectName(key)
			if name == "" {
				return p.Source.fault(path{group.name, key}, "the name has no letter or digit")
			}
			if other, twice := taken[name]; twice {
				return p.Source.fault(path{group.name, key}, fmt.Sprintf("becomes %q in Kubernetes, as %q does; rename one", name, other))
			}
			taken[name] = key
		}
	}
	return nil
}

// checkEnvFiles asks that each env file of a chosen service is there and reads.
func (p *Project) checkEnvFiles() error {
	for _, name := range p.ServiceNames() {
		for i, f := range p.Services[name].EnvFiles {
			at := path{"services", name, "env_file", strconv.Itoa(i)}
			err := smallText(f.Path)
			if err != nil && !f.Required {
				if _, missing := os.Stat(f.Path); errors.Is(missing, os.ErrNotExist) {
					continue
				}
			}
			if err != nil {
				return p.Source.fault(at, p.show(f.Path)+": "+err.Error())
			}
			if err := p.parseEnvFile(f); err != nil {
				return err
			}
		}
		for i, f := range p.Services[name].LabelFiles {
			if err := smallText(f); err != nil {
				return p.Source.fault(path{"services", name, "label_file", strconv.Itoa(i)}, p.show(f)+": "+err.Error())
			}
		}
	}
	return nil
}

func (p *Project) parseEnvFile(f types.EnvFile) error {
	if f.Format != "" {
		return nil // raw: every text is right
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("open env file: %w", err)
	}
	defer file.Close()
	if _, err := dotenv.ParseWithLookup(file, p.Environment.Resolve); err != nil {
		line, msg := envFileFault(err)
		return &Error{File: p.show(f.Path), Line: line, Msg: msg}
	}
	return nil
}
