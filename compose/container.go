package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
)

// container returns the container of a service.
func (m *maker) container(s types.ServiceConfig, mounts mountSet) corev1.Container {
	command, args := commandLine(s)
	c := corev1.Container{
		Name:                     m.names[s.Name],
		Image:                    s.Image,
		ImagePullPolicy:          pullPolicy(s.PullPolicy),
		Command:                  command,
		Args:                     args,
		WorkingDir:               s.WorkingDir,
		Env:                      environment(s.Environment),
		Ports:                    m.containerPorts(s),
		Resources:                m.resources(s),
		VolumeMounts:             mounts.mounts,
		SecurityContext:          containerSecurity(s),
		Stdin:                    s.StdinOpen,
		TTY:                      s.Tty,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if signal := stopSignal(s); signal != "" {
		c.Lifecycle = &corev1.Lifecycle{StopSignal: &signal}
	}
	setHooks(&c, s)
	setProbes(&c, s.HealthCheck)
	return c
}

// commandLine returns a container's command and arguments. An empty entrypoint
// takes away the image's: the command alone is what runs.
func commandLine(s types.ServiceConfig) (command, args []string) {
	if s.Entrypoint != nil && len(s.Entrypoint) == 0 {
		return literals(s.Command), nil
	}
	return literals(s.Entrypoint), literals(s.Command)
}

// literals returns words that Kubernetes hands on unchanged.
func literals(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, literal(w))
	}
	return out
}

// literal doubles each dollar in front of a parenthesis or another dollar:
// Kubernetes reads $(X) as a reference and $$ as one dollar.
func literal(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if text[i] == '$' && i+1 < len(text) && (text[i+1] == '$' || text[i+1] == '(') {
			b.WriteByte('$')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// environment returns the variables sorted by name. One without a value is not
// set at all.
func environment(env types.MappingWithEquals) []corev1.EnvVar {
	var vars []corev1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if value := env[name]; value != nil && name != "" {
			vars = append(vars, corev1.EnvVar{Name: name, Value: literal(*value)})
		}
	}
	return vars
}

func pullPolicy(policy string) corev1.PullPolicy {
	switch policy {
	case types.PullPolicyAlways:
		return corev1.PullAlways
	case types.PullPolicyNever:
		return corev1.PullNever
	}
	return corev1.PullIfNotPresent
}

// containerPorts returns the ports that the file mentions, published or not.
// They are there to be read: a container's port answers without.
func (m *maker) containerPorts(s types.ServiceConfig) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, p := range s.Ports {
		ports = append(ports, corev1.ContainerPort{ContainerPort: int32(p.Target), Protocol: protocol(p.Protocol)})
	}
	for i, text := range s.Expose {
		first, last, proto, err := parseExpose(text)
		if err != nil {
			m.fault(fmt.Sprintf("services.%s.expose[%d]", s.Name, i), "%v", err)
		}
		for port := first; port <= last && port > 0; port++ {
			ports = append(ports, corev1.ContainerPort{ContainerPort: port, Protocol: proto})
		}
	}
	slices.SortFunc(ports, comparePorts)
	return slices.Compact(ports)
}

func comparePorts(a, b corev1.ContainerPort) int {
	if a.ContainerPort != b.ContainerPort {
		return int(a.ContainerPort - b.ContainerPort)
	}
	return strings.Compare(string(a.Protocol), string(b.Protocol))
}
