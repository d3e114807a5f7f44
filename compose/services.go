package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
)

// services returns the Services by which containers find one another, then
// those that the machine publishes.
func (m *maker) services() []Object {
	var names, published []Object
	for _, service := range m.serviceKeys() {
		s := m.project.Services[service]
		if !sharesNetwork(m.project, s) { // else it has no name of its own there
			names = append(names, m.headless(s))
		}
		if publishes(s) {
			published = append(published, m.published(s)...)
		}
	}
	return slices.Concat(names, m.aliasServices(), published)
}

// headless returns the Service that answers to the service's name with the
// addresses of its pods, so that every port of theirs is reached.
func (m *maker) headless(s types.ServiceConfig) Object {
	name := m.names[s.Name]
	selector, behind := m.podSelector(s.Name), []string{s.Name}
	if shared := m.aliases[name]; len(shared) > 0 { // another service answers to it too
		selector, behind = m.aliasSelector(name), shared
	}
	return m.nameService(name, name, selector, behind)
}

// aliasServices returns one headless Service for each alias that is not the
// name of a service.
func (m *maker) aliasServices() []Object {
	names := slices.Collect(maps.Values(m.names))
	var objs []Object
	for _, alias := range slices.Sorted(maps.Keys(m.aliases)) {
		if !slices.Contains(names, alias) {
			objs = append(objs, m.nameService(alias, "", m.aliasSelector(alias), m.aliases[alias]))
		}
	}
	return objs
}

func (m *maker) nameService(name, service string, selector map[string]string, behind []string) Object {
	return &corev1.Service{
		TypeMeta:   typeMeta("v1", "Service"),
		ObjectMeta: m.meta(name, service),
		Spec: corev1.ServiceSpec{
			ClusterIP:                corev1.ClusterIPNone,
			Selector:                 selector,
			PublishNotReadyAddresses: !slices.ContainsFunc(behind, m.manyAnswer),
		},
	}
}

// manyAnswer tells whether several pods of a service stand for one another, so
// that its name should lead to ready ones only. The name of a single container
// answers as soon as it runs, as in compose: programs that call themselves by
// their name, or form a cluster with their peers, are ready only after that.
func (m *maker) manyAnswer(service string) bool {
	s := m.project.Services[service]
	return m.kind(s) == kindDaemonSet || s.GetScale() > 1 || startFirst(s)
}

func (m *maker) aliasSelector(alias string) map[string]string {
	return map[string]string{v1alpha1.StackLabel: m.stack, v1alpha1.AliasPrefix + alias: ""}
}

// collectAliases returns the services behind each alias. Those behind an alias
// that is also a service's name include that service.
func (m *maker) collectAliases() map[string][]string {
	behind := map[string][]string{}
	add := func(alias, service string) {
		name := ObjectName(alias)
		if name != "" && name != m.names[service] && !slices.Contains(behind[name], service) {
			behind[name] = append(behind[name], service)
		}
	}
	for _, service := range m.serviceKeys() {
		s := m.project.Services[service]
		if sharesNetwork(m.project, s) {
			continue
		}
		for _, alias := range ownAliases(s) {
			add(alias, service)
		}
		for _, link := range s.Links {
			if target, alias, ok := strings.Cut(link, ":"); ok && m.names[target] != "" {
				add(alias, target)
			}
		}
	}
	for service, name := range m.names {
		if len(behind[name]) > 0 {
			behind[name] = append(behind[name], service)
		}
	}
	return behind
}

// ownAliases returns the names besides its own to which a service answers.
func ownAliases(s types.ServiceConfig) []string {
	aliases := []string{s.ContainerName}
	if !strings.Contains(s.Hostname, ".") {
		aliases = append(aliases, s.Hostname)
	}
	for _, network := range slices.Sorted(maps.Keys(s.Networks)) {
		if n := s.Networks[network]; n != nil {
			aliases = append(aliases, n.Aliases...)
		}
	}
	return aliases
}

// aliasesOf returns the aliases to which a service answers.
func (m *maker) aliasesOf(service string) []string {
	var out []string
	for alias, services := range m.aliases {
		if slices.Contains(services, service) {
			out = append(out, alias)
		}
	}
	return out
}
