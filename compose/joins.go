package compose

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// A service that joins another's namespaces runs in the pod of that one: to
// share a namespace is, in Kubernetes, to be in the same pod.
//
//	app ──network_mode: service:vpn──▶ vpn ◀──pid: service:vpn── debug
//	        one pod, of the service vpn: containers vpn, app, debug

// A join is one attribute by which a service joins another.
type join struct{ attribute, to string }

// joinsOf returns the joins of a service of a project. What names a container
// that no service of the project has is none.
func joinsOf(p *types.Project, s types.ServiceConfig) []join {
	var all []join
	for _, j := range spaces(s) {
		if to := joined(p, j.to); to != "" {
			all = append(all, join{j.attribute, to})
		}
	}
	return all
}

// spaces are the attributes that may name another service.
func spaces(s types.ServiceConfig) []join {
	return []join{{"network_mode", s.NetworkMode}, {"pid", s.Pid}, {"ipc", s.Ipc}, {"uts", s.Uts}}
}

// namedJoins returns those that name a service by its own name, which may be wrong.
func namedJoins(s types.ServiceConfig) []join {
	var all []join
	for _, j := range spaces(s) {
		if name, ok := strings.CutPrefix(j.to, types.ServicePrefix); ok {
			all = append(all, join{j.attribute, name})
		}
	}
	return all
}

// joined returns the service that "service:db" or "container:db-1" means; "":
// none of the project.
func joined(p *types.Project, text string) string {
	if name, ok := strings.CutPrefix(text, types.ServicePrefix); ok {
		if _, there := p.Services[name]; there {
			return name
		}
		return ""
	}
	container, ok := strings.CutPrefix(text, types.ContainerPrefix)
	if !ok || container == "" {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		if p.Services[name].ContainerName == container {
			return name
		}
	}
	return ""
}

// pods says which services of a project run together.
type pods struct {
	project *types.Project
	hosts   map[string]string   // of every service the one whose pod it runs in: itself, when it joins nobody
	mates   map[string][]string // of every host all services of its pod, in the order in which they begin
}

func podsOf(p *types.Project) *pods {
	all := &pods{project: p, hosts: map[string]string{}, mates: map[string][]string{}}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		host := all.host(name)
		all.mates[host] = append(all.mates[host], name)
	}
	for host, names := range all.mates {
		all.mates[host] = all.order(names)
	}
	return all
}

// host finds the end of a chain of joins, once for all services on the way.
// Circles, and services of two pods, are faults of the file; here they only
// come to an end.
func (all *pods) host(name string) string {
	var way []string
	for all.hosts[name] == "" {
		all.hosts[name] = name
		way = append(way, name)
		if joins := joinsOf(all.project, all.project.Services[name]); len(joins) > 0 {
			name = joins[0].to
		}
	}
	for _, passed := range way {
		all.hosts[passed] = all.hosts[name]
	}
	return all.hosts[name]
}

// order returns the services of a pod each after those of it that it joins or
// depends on, otherwise by name.
func (all *pods) order(names []string) []string {
	if len(names) == 1 {
		return names
	}
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, on := range all.needs(name) {
			visit(on)
		}
		order = append(order, name)
	}
	for _, name := range names {
		visit(name)
	}
	return order
}

// needs returns the services of its pod that a service joins or depends on.
func (all *pods) needs(name string) []string {
	s := all.project.Services[name]
	on := slices.Collect(maps.Keys(s.DependsOn))
	for _, j := range joinsOf(all.project, s) {
		on = append(on, j.to)
	}
	slices.Sort(on)
	return slices.DeleteFunc(slices.Compact(on), func(on string) bool { return on == name || all.hosts[on] != all.hosts[name] })
}

// ahead returns the services of a pod that have to be up before others of it
// are begun. Kubernetes begins the containers of a pod one after the other and
// waits for none; but one that goes on among its init containers has passed its
// health check before what follows begins. That takes who waits for the health
// of another, and who does something between: waits for a service of another
// pod, or runs hooks.
func (all *pods) ahead(host string) map[string]bool {
	ahead := map[string]bool{}
	for _, name := range slices.Backward(all.mates[host]) { // who needs before who is needed
		s := all.project.Services[name]
		between := ahead[name] || len(s.PreStart) > 0 || slices.ContainsFunc(slices.Collect(maps.Keys(s.DependsOn)), func(on string) bool {
			return all.hosts[on] != all.hosts[name]
		})
		for _, on := range all.needs(name) {
			if between || s.DependsOn[on].Condition == types.ServiceConditionHealthy {
				ahead[on] = true
			}
		}
	}
	return ahead
}

// together is podsOf the project, found once: its services no longer change when
// it is asked.
func (p *Project) together() *pods {
	if p.pods == nil {
		p.pods = podsOf(p.Project)
	}
	return p.pods
}

// sharesNetwork tells whether a service has the network of another one.
func sharesNetwork(p *types.Project, s types.ServiceConfig) bool {
	return joined(p, s.NetworkMode) != ""
}

// shares names the other services of the pod in which a service runs; none for
// a hook.
func (p *Project) shares(name string) []string {
	all := p.together()
	return slices.DeleteFunc(slices.Clone(all.mates[all.hosts[name]]), func(mate string) bool { return mate == name })
}

// memoryOf returns the service whose shared memory a service has: its own, or
// that of the end of its chain.
func memoryOf(p *types.Project, s types.ServiceConfig) types.ServiceConfig {
	for range len(p.Services) { // a circle is a fault of the file
		to := joined(p, s.Ipc)
		if to == "" {
			break
		}
		s = p.Services[to]
	}
	return s
}

// hostOf returns the service in whose pod a service runs.
func (m *maker) hostOf(service string) string { return cmp.Or(m.pods.hosts[service], service) }

// hasPod tells whether a service has a pod of its own.
func (m *maker) hasPod(service string) bool { return m.hostOf(service) == service }

// mates returns the services of the pod of host, in the order in which they begin.
func (m *maker) mates(host string) []types.ServiceConfig {
	var all []types.ServiceConfig
	for _, name := range m.pods.mates[host] {
		all = append(all, m.project.Services[name])
	}
	return all
}
