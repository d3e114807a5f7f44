package compose

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
)

// safeSysctls are those that a kubelet accepts without being told to.
var safeSysctls = []string{
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
}

// podSecurity returns what the whole pod gets; nil: nothing. A sysctl that the
// kubelet would refuse is left out, for it would refuse the pod. In a pod that
// services share, the runtime gives each its groups.
func podSecurity(s types.ServiceConfig, shared bool) *corev1.PodSecurityContext {
	var c corev1.PodSecurityContext
	for _, name := range slices.Sorted(maps.Keys(s.Sysctls)) {
		if slices.Contains(safeSysctls, name) {
			c.Sysctls = append(c.Sysctls, corev1.Sysctl{Name: name, Value: s.Sysctls[name]})
		}
	}
	for _, group := range s.GroupAdd {
		if id := numericID(group); id != nil && !shared {
			c.SupplementalGroups = append(c.SupplementalGroups, *id)
		}
	}
	if len(c.Sysctls)+len(c.SupplementalGroups) == 0 {
		return nil
	}
	return &c
}

// containerSecurity returns what the service's container gets; nil: nothing.
func containerSecurity(s types.ServiceConfig) *corev1.SecurityContext {
	user, group, _ := strings.Cut(s.User, ":")
	if !numericUser(s.User) { // the runtime finds the name in the image
		user, group = "", ""
	}
	c := corev1.SecurityContext{
		RunAsUser:    numericID(user),
		RunAsGroup:   numericID(group),
		Capabilities: capabilities(s),
	}
	if s.Privileged {
		c.Privileged = new(true)
	}
	if s.ReadOnly {
		c.ReadOnlyRootFilesystem = new(true)
	}
	for _, option := range s.SecurityOpt {
		applySecurityOption(&c, option, s.Privileged)
	}
	if c == (corev1.SecurityContext{}) {
		return nil
	}
	return &c
}

// applySecurityOption reads "no-new-privileges[:true]" and
// "seccomp=unconfined", also with a colon. A privileged container keeps its
// privileges: Kubernetes refuses the contradiction.
func applySecurityOption(c *corev1.SecurityContext, option string, privileged bool) {
	switch strings.Replace(option, ":", "=", 1) {
	case "no-new-privileges", "no-new-privileges=true":
		if !privileged {
			c.AllowPrivilegeEscalation = new(false)
		}
	case "seccomp=unconfined":
		c.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
	}
}

// numericID reads a user or group; nil: a name, which only the image knows.
// root is the same in every image.
func numericID(text string) *int64 {
	if text == "root" {
		return new(int64(0))
	}
	id, err := strconv.ParseInt(text, 10, 32)
	if err != nil || id < 0 {
		return nil
	}
	return &id
}

func capabilities(s types.ServiceConfig) *corev1.Capabilities {
	if len(s.CapAdd)+len(s.CapDrop) == 0 {
		return nil
	}
	return &corev1.Capabilities{Add: capabilityNames(s.CapAdd), Drop: capabilityNames(s.CapDrop)}
}

// capabilityNames returns the names without CAP_, in the order of the file.
func capabilityNames(names []string) []corev1.Capability {
	var out []corev1.Capability
	for _, name := range names {
		out = append(out, corev1.Capability(strings.TrimPrefix(strings.ToUpper(name), "CAP_")))
	}
	return out
}
