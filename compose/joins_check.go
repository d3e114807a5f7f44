package compose

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// checkJoins asks that services which join one another can be one pod.
func (p *Project) checkJoins() *Error {
	if !slices.ContainsFunc(p.ServiceNames(), func(name string) bool { return len(joinsOf(p.Project, p.Services[name])) > 0 }) {
		return nil
	}
	for _, name := range p.ServiceNames() {
		if e := p.checkJoinCircle(name); e != nil {
			return e
		}
	}
	hosts := podHosts(p.Project)
	for _, name := range p.ServiceNames() {
		s := p.Services[name]
		joins := joinsOf(p.Project, s)
		if len(joins) == 0 {
			continue
		}
		m := mate{project: p, name: name, service: s, host: hosts[name], by: joins[0]}
		for _, j := range joins[1:] {
			if hosts[j.to] != m.host {
				return m.fault(path{j.attribute}, fmt.Sprintf(
					"services.%s and services.%s have pods of their own, and a container is in one only; let one of them join the other", m.host, hosts[j.to]))
			}
		}
		if e := m.check(); e != nil {
			return e
		}
	}
	return p.checkPodCircles(hosts)
}

// checkJoinCircle asks that a chain of joins comes to an end.
func (p *Project) checkJoinCircle(name string) *Error {
	way := []string{name}
	for {
		joins := joinsOf(p.Project, p.Services[way[len(way)-1]])
		if len(joins) == 0 {
			return nil
		}
		next := joins[0]
		i := slices.Index(way, next.to)
		if i < 0 {
			way = append(way, next.to)
			continue
		}
		at := path{"services", way[len(way)-1], next.attribute}
		return p.Source.fault(at, "services join each other in a circle: "+strings.Join(append(way[i:], next.to), " → ")+"; one of them must have a network of its own")
	}
}

// A mate is a service that runs in the pod of another one.
type mate struct {
	project *Project
	name    string
	service types.ServiceConfig
	host    string
	by      join
}

func (m mate) fault(at path, msg string) *Error {
	return m.project.Source.fault(append(path{"services", m.name}, at...), msg)
}

// check returns the first reason why the mate cannot be in its host's pod.
func (m mate) check() *Error {
	for _, check := range []func() *Error{m.checkOrder, m.checkRunsOn, m.checkReplicas, m.checkMachine, m.checkNetwork, m.checkListens, m.checkWhole} {
		if e := check(); e != nil {
			return e
		}
	}
	return nil
}

// checkRunsOn asks that both run until they are stopped.
func (m mate) checkRunsOn() *Error {
	awaited := awaitedServices(m.project.Project)
	for _, name := range []string{m.name, m.host} {
		s := m.project.Services[name]
		why := ""
		switch {
		case isJob(s):
			why = "is a job"
		case awaited[name]:
			why = "is to end, for another service waits for it"
		case slices.Contains([]string{"replicated-job", "global-job"}, deployOf(s).Mode):
			why = "is to end (deploy.mode)"
		default:
			continue
		}
		return m.fault(path{m.by.attribute}, fmt.Sprintf("services.%s %s: what ends has a pod of its own; remove it, or let that service run on", name, why))
	}
	return nil
}

// checkReplicas asks that there is one of the mate for each one of its host.
func (m mate) checkReplicas() *Error {
	h := m.project.Services[m.host]
	mode := func(s types.ServiceConfig) string { return cmp.Or(deployOf(s).Mode, "replicated") }
	at := path{m.by.attribute}
	switch {
	case mode(m.service) != mode(h):
		if deployOf(m.service).Mode != "" {
			at = path{"deploy", "mode"}
		}
		return m.fault(at, fmt.Sprintf(`the pod of services.%s has it, whose mode is %s; write "deploy: {mode: %s}" here too`, m.host, mode(h), mode(h)))
	case m.service.GetScale() != h.GetScale():
		switch {
		case deployOf(m.service).Replicas != nil:
			at = path{"deploy", "replicas"}
		case m.service.Scale != nil:
			at = path{"scale"}
		}
		return m.fault(at, fmt.Sprintf("each pod of services.%s has one of it, and the file wants %d; say %d here too", m.host, h.GetScale(), h.GetScale()))
	}
	return nil
}

// checkMachine asks that neither has spaces of the machine that the other has not.
func (m mate) checkMachine() *Error {
	h := m.project.Services[m.host]
	for _, space := range []struct{ attribute, own, host string }{{"pid", m.service.Pid, h.Pid}, {"ipc", m.service.Ipc, h.Ipc}} {
		if joined(m.project.Project, space.own) == "" && (space.own == "host") != (space.host == "host") {
			return m.fault(path{space.attribute}, fmt.Sprintf(
				`it is in the pod of services.%s, all of which has the machine's own or none; write "%s: host" in both or in neither`, m.host, space.attribute))
		}
	}
	return nil
}

// checkNetwork asks that the mate wants the network that its host has.
func (m mate) checkNetwork() *Error {
	if sharesNetwork(m.project.Project, m.service) {
		for _, own := range []struct {
			attribute string
			has       bool
		}{{"ports", len(m.service.Ports) > 0}, {"links", len(m.service.Links) > 0}} {
			if own.has {
				return m.fault(path{own.attribute}, fmt.Sprintf("its network is that of services.%s; move them there", m.host))
			}
		}
		return nil
	}
	h := m.project.Services[m.host]
	if m.service.NetworkMode != h.NetworkMode {
		return m.fault(path{"network_mode"}, fmt.Sprintf(`one pod has one network; write "network_mode: service:%s"`, m.host))
	}
	if !slices.Equal(networkKeys(m.service), networkKeys(h)) {
		return m.fault(path{"networks"}, fmt.Sprintf("it is in the pod of services.%s, and one pod is in the same networks as a whole: %s; give both the same",
			m.host, strings.Join(networkKeys(h), ", ")))
	}
	return nil
}

// networkKeys returns the networks of a service that has some, sorted.
func networkKeys(s types.ServiceConfig) []string {
	if len(s.Networks) == 0 {
		return []string{defaultNetwork}
	}
	return slices.Sorted(maps.Keys(s.Networks))
}

// checkListens asks that no two programs of one pod want the same port, where
// the file gives each a network of its own.
func (m mate) checkListens() *Error {
	if sharesNetwork(m.project.Project, m.service) {
		return nil
	}
	hosts := podHosts(m.project.Project)
	mine := listensAt(m.service)
	for _, other := range podMates(m.project.Project, hosts, m.host) {
		if other == m.name {
			continue
		}
		for _, port := range listensAt(m.project.Services[other]) {
			if slices.Contains(mine, port) {
				return m.fault(path{m.by.attribute}, fmt.Sprintf("both it and services.%s listen at port %s, and one pod has it once; let one listen at another", other, port))
			}
		}
	}
	return nil
}

// listensAt returns the ports of a container that the file names: "80/TCP".
func listensAt(s types.ServiceConfig) (all []string) {
	for _, p := range s.Ports {
		all = append(all, fmt.Sprintf("%d/%s", p.Target, protocol(p.Protocol)))
	}
	for _, text := range s.Expose {
		first, last, proto, err := parseExpose(text)
		for port := first; err == nil && port <= last; port++ {
			all = append(all, fmt.Sprintf("%d/%s", port, proto))
		}
	}
	return all
}

// wholePod are the attributes that Kubernetes has for a pod only. A mate says
// of them what its host says, or nothing.
var wholePod = []struct {
	at path
	of func(types.ServiceConfig) any
}{
	{path{"hostname"}, func(s types.ServiceConfig) any { return s.Hostname }},
	{path{"domainname"}, func(s types.ServiceConfig) any { return s.DomainName }},
	{path{"dns"}, func(s types.ServiceConfig) any { return s.DNS }},
	{path{"dns_opt"}, func(s types.ServiceConfig) any { return s.DNSOpts }},
	{path{"dns_search"}, func(s types.ServiceConfig) any { return s.DNSSearch }},
	{path{"extra_hosts"}, func(s types.ServiceConfig) any { return s.ExtraHosts }},
	{path{"sysctls"}, func(s types.ServiceConfig) any { return s.Sysctls }},
	{path{"platform"}, func(s types.ServiceConfig) any { return s.Platform }},
	{path{"deploy", "placement"}, func(s types.ServiceConfig) any { return deployOf(s).Placement }},
	{path{"deploy", "update_config"}, func(s types.ServiceConfig) any { return deployOf(s).UpdateConfig }},
	{path{"deploy", "rollback_config"}, func(s types.ServiceConfig) any { return deployOf(s).RollbackConfig }},
}

func (m mate) checkWhole() *Error {
	h := m.project.Services[m.host]
	for _, w := range wholePod {
		own, host := w.of(m.service), w.of(h)
		if !unsaid(own) && !reflect.DeepEqual(own, host) {
			return m.fault(w.at, fmt.Sprintf("counts for the whole pod, which is that of services.%s; say it there, and here the same or nothing", m.host))
		}
	}
	of := memoryOf(m.project.Project, m.service)
	if own := m.service.ShmSize; own != 0 && own != of.ShmSize {
		return m.fault(path{"shm_size"}, fmt.Sprintf("its shared memory is that of services.%s; say it there", of.Name))
	}
	return nil
}

// unsaid tells whether a file says nothing of an attribute.
func unsaid(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Map:
		return r.Len() == 0
	}
	return !r.IsValid() || r.IsZero()
}

// checkOrder asks that the mate does not wait for itself.
func (m mate) checkOrder() *Error {
	hosts, seen := podHosts(m.project.Project), map[string]bool{}
	var reaches func(string) bool
	reaches = func(name string) bool {
		if name == m.name || seen[name] {
			return name == m.name
		}
		seen[name] = true
		return slices.ContainsFunc(podNeeds(m.project.Project, hosts, name), reaches)
	}
	if reaches(m.by.to) {
		return m.fault(path{m.by.attribute}, fmt.Sprintf("services.%s waits for it, and it for that one, which it joins; let that one not wait", m.by.to))
	}
	return nil
}

// checkPodCircles asks that waiting comes to an end for pods too: who waits for
// a service waits for the whole pod that it is in.
func (p *Project) checkPodCircles(hosts map[string]string) *Error {
	pods := map[string][]string{}
	for _, name := range p.ServiceNames() {
		pods[hosts[name]] = append(pods[hosts[name]], name)
	}
	for _, host := range slices.Sorted(maps.Keys(pods)) {
		if len(pods[host]) == 1 {
			continue
		}
		for _, name := range pods[host] {
			for _, on := range slices.Sorted(maps.Keys(p.Services[name].DependsOn)) {
				back := p.wayBack(hosts, pods, hosts[on], host, map[string]bool{host: true, "": true})
				if back == nil {
					continue
				}
				return p.Source.fault(path{"services", name, "depends_on", on}, fmt.Sprintf(
					"waiting goes in a circle: %s runs in the pod of services.%s, for which %s waits; let it not wait, or not join", name, host, strings.Join(back, " → ")))
			}
		}
	}
	return nil
}

// wayBack returns the services through which a pod waits for the pod to; nil:
// it does not. seen are the pods that need no second look.
func (p *Project) wayBack(hosts map[string]string, pods map[string][]string, from, to string, seen map[string]bool) []string {
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, name := range pods[from] {
		for _, on := range slices.Sorted(maps.Keys(p.Services[name].DependsOn)) {
			if hosts[on] == to {
				return []string{name}
			}
			if rest := p.wayBack(hosts, pods, hosts[on], to, seen); rest != nil {
				return append([]string{name}, rest...)
			}
		}
	}
	return nil
}
