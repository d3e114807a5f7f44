package cli

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"nagi.dev/compose"
)

const podSecurityLabel = "pod-security.kubernetes.io/enforce"

// needsPrivilege tells whether any pod would be refused at the level
// "baseline" of the Pod Security Standards.
func needsPrivilege(objects []compose.Object) bool {
	return slices.ContainsFunc(objects, func(o compose.Object) bool {
		switch o := o.(type) {
		case *appsv1.Deployment:
			return beyondBaseline(o.Spec.Template.Spec)
		case *appsv1.DaemonSet:
			return beyondBaseline(o.Spec.Template.Spec)
		case *appsv1.StatefulSet:
			return beyondBaseline(o.Spec.Template.Spec)
		case *batchv1.Job:
			return beyondBaseline(o.Spec.Template.Spec)
		case *batchv1.CronJob:
			return beyondBaseline(o.Spec.JobTemplate.Spec.Template.Spec)
		}
		return false
	})
}

func beyondBaseline(p corev1.PodSpec) bool {
	if p.HostNetwork || p.HostPID || p.HostIPC || unsafePod(p.SecurityContext) {
		return true
	}
	if slices.ContainsFunc(p.Volumes, func(v corev1.Volume) bool { return v.HostPath != nil }) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(p.InitContainers, p.Containers), unsafeContainer)
}

func unsafePod(s *corev1.PodSecurityContext) bool {
	if s == nil {
		return false
	}
	unsafe := func(c corev1.Sysctl) bool { return !slices.Contains(baselineSysctls, c.Name) }
	return unconfined(s.SeccompProfile) || slices.ContainsFunc(s.Sysctls, unsafe)
}

func unsafeContainer(c corev1.Container) bool {
	if slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 }) {
		return true
	}
	s := c.SecurityContext
	if s == nil {
		return false
	}
	if (s.Privileged != nil && *s.Privileged) || unconfined(s.SeccompProfile) {
		return true
	}
	if s.ProcMount != nil && *s.ProcMount != corev1.DefaultProcMount {
		return true
	}
	return s.Capabilities != nil && slices.ContainsFunc(s.Capabilities.Add, func(c corev1.Capability) bool {
		return !slices.Contains(baselineCapabilities, c)
	})
}

func unconfined(s *corev1.SeccompProfile) bool {
	return s != nil && s.Type == corev1.SeccompProfileTypeUnconfined
}

// What baseline lets a container add, and a pod set (Kubernetes, "Pod Security
// Standards").
var (
	baselineCapabilities = []corev1.Capability{
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
		"NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
	}
	baselineSysctls = []string{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
		"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
		"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
	}
)
