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
	return []join{{"network_mode", s.NetworkMode}, {"pid", s.Pid}, {"ipc", s.Ipc}}
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

// podHosts returns, for every service, the one whose pod it runs in: the end
// of its chain of joins, itself for one that joins nobody. Circles and services
// of two pods are faults of the file; here they only come to an end.
func podHosts(p *types.Project) map[string]string {
	hosts := map[string]string{}
	for name := range p.Services {
		host, seen := name, map[string]bool{name: true}
		for {
			joins := joinsOf(p, p.Services[host])
			if len(joins) == 0 || seen[joins[0].to] {
				break
			}
			host = joins[0].to
			seen[host] = true
		}
		hosts[name] = host
	}
	return hosts
}

// podMates returns the services of the pod of host in the order in which they
// begin: each after those of the pod that it joins or depends on.
func podMates(p *types.Project, hosts map[string]string, host string) []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] || hosts[name] != host {
			return
		}
		seen[name] = true
		for _, on := range podNeeds(p, hosts, name) {
			visit(on)
		}
		order = append(order, name)
	}
	visit(host)
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		visit(name)
	}
	return order
}

// podNeeds returns the services of its pod that a service joins or depends on.
func podNeeds(p *types.Project, hosts map[string]string, name string) []string {
	s := p.Services[name]
	all := slices.Collect(maps.Keys(s.DependsOn))
	for _, j := range joinsOf(p, s) {
		all = append(all, j.to)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(on string) bool { return on == name || hosts[on] != hosts[name] })
}

// runAhead returns the services of a pod that have to be up before others of it
// are begun. Kubernetes begins the containers of a pod one after the other and
// waits for none; but one that goes on among its init containers has passed its
// health check before what follows begins. That takes who waits for the health
// of another, and who does something between: waits for a service of another
// pod, or runs hooks.
func runAhead(p *types.Project, hosts map[string]string, mates []string) map[string]bool {
	ahead := map[string]bool{}
	for _, name := range slices.Backward(mates) { // who needs before who is needed
		s := p.Services[name]
		between := ahead[name] || len(s.PreStart) > 0 || slices.ContainsFunc(slices.Collect(maps.Keys(s.DependsOn)), func(on string) bool {
			return hosts[on] != hosts[name]
		})
		for _, on := range podNeeds(p, hosts, name) {
			if between || s.DependsOn[on].Condition == types.ServiceConditionHealthy {
				ahead[on] = true
			}
		}
	}
	return ahead
}

// sharesNetwork tells whether a service has the network of another one.
func sharesNetwork(p *types.Project, s types.ServiceConfig) bool {
	return joined(p, s.NetworkMode) != ""
}

// shares names the other services of the pod in which a service runs.
func (p *Project) shares(name string) []string {
	hosts := podHosts(p.Project)
	if hosts[name] == "" { // a hook
		return nil
	}
	return slices.DeleteFunc(podMates(p.Project, hosts, hosts[name]), func(mate string) bool { return mate == name })
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
func (m *maker) hostOf(service string) string { return cmp.Or(m.hosts[service], service) }

// hasPod tells whether a service has a pod of its own.
func (m *maker) hasPod(service string) bool { return m.hostOf(service) == service }

// mates returns the services of the pod of host, in the order in which they begin.
func (m *maker) mates(host string) []types.ServiceConfig {
	var all []types.ServiceConfig
	for _, name := range podMates(m.project, m.hosts, host) {
		all = append(all, m.project.Services[name])
	}
	return all
}
