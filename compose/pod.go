package compose

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"nagi.dev/api/v1alpha1"
)

// stopGrace is how long compose waits between asking a container to stop and
// killing it.
const stopGrace = 10 * time.Second

// noAccount is that of every pod without one. It is written out: left out, a pod
// that no longer waits would keep the account it waited with.
const noAccount = "default"

// template returns the pods of a service, with those that join it.
func (m *maker) template(s types.ServiceConfig) corev1.PodTemplateSpec {
	mates := m.mates(s.Name)
	meta := m.podMeta(s, mates)
	if hash := m.restartHash(mates); hash != "" {
		meta.Annotations = withMark(meta.Annotations, v1alpha1.HashAnnotation, hash)
	}
	pod := m.podSpec(s, mates)
	m.askRuntime(&meta, &pod, mates)
	return corev1.PodTemplateSpec{ObjectMeta: meta, Spec: pod}
}

func (m *maker) podSpec(s types.ServiceConfig, mates []types.ServiceConfig) corev1.PodSpec {
	pod := corev1.PodSpec{
		TerminationGracePeriodSeconds: new(longestStop(mates)),
		NodeSelector:                  platformSelector(s.Platform),
		SecurityContext:               podSecurity(s, len(mates) > 1),
		HostAliases:                   hostAliases(s.ExtraHosts),
		DNSConfig:                     dnsConfig(s),
		ServiceAccountName:            noAccount,
		EnableServiceLinks:            new(false),
		AutomountServiceAccountToken:  new(false),
	}
	if slices.ContainsFunc(mates, func(mate types.ServiceConfig) bool { return stopSignal(mate) != "" }) {
		pod.OS = &corev1.PodOS{Name: corev1.Linux} // without it the signal is refused
	}
	setHostname(&pod, s)
	m.setSpaces(&pod, s, mates)
	m.place(&pod, s)
	setNetwork(&pod, s)
	ahead := runAhead(m.project, m.hosts, podMates(m.project, m.hosts, s.Name))
	for _, mate := range mates {
		m.addService(&pod, mate, ahead[mate.Name])
	}
	m.addPlane(&pod)
	return pod
}

// longestStop returns the time that the services of a pod have to stop.
func longestStop(mates []types.ServiceConfig) int64 {
	var longest int64
	for _, s := range mates {
		longest = max(longest, stopSeconds(s))
	}
	return longest
}

func stopSeconds(s types.ServiceConfig) int64 {
	if s.StopGracePeriod == nil {
		return int64(stopGrace.Seconds())
	}
	return int64(wholeSeconds(time.Duration(*s.StopGracePeriod)))
}

// signals are the names of those that programs take to stop, by their number
// on Linux.
var signals = map[string]corev1.Signal{
	"1": "SIGHUP", "2": "SIGINT", "3": "SIGQUIT", "9": "SIGKILL", "10": "SIGUSR1", "12": "SIGUSR2", "15": "SIGTERM", "28": "SIGWINCH",
}

// stopSignal returns the full name of the signal that stops a container: TERM,
// SIGTERM and 15 are the same. Empty: the image's own.
func stopSignal(s types.ServiceConfig) corev1.Signal {
	name := strings.ToUpper(s.StopSignal)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return signals[name]
	}
	return corev1.Signal("SIG" + strings.TrimPrefix(name, "SIG"))
}

// setHostname gives the pod the name that its programs see. One with dots
// cannot be the pod's name in DNS; it overrides only what the pod sees.
func setHostname(pod *corev1.PodSpec, s types.ServiceConfig) {
	full := strings.ToLower(strings.Trim(s.Hostname+"."+s.DomainName, "."))
	switch {
	case s.Hostname == "":
	case strings.Contains(full, ".") && len(full) <= 64 && len(validation.IsDNS1123Subdomain(full)) == 0:
		pod.HostnameOverride = &full
	default:
		pod.Hostname = ObjectName(s.Hostname)
	}
}

// architectures are Kubernetes' names of what docker calls otherwise.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}

// platformSelector returns the nodes on which an image for a platform such as
// "linux/arm64/v8" runs.
func platformSelector(platform string) map[string]string {
	system, rest, both := strings.Cut(platform, "/")
	if !both {
		return nil
	}
	arch, _, _ := strings.Cut(rest, "/")
	if known, ok := architectures[arch]; ok {
		arch = known
	}
	return map[string]string{corev1.LabelOSStable: system, corev1.LabelArchStable: arch}
}

// hostAliases returns the lines of /etc/hosts, one an address. What is no
// address, "host-gateway" for instance, is left out.
func hostAliases(hosts types.HostsList) []corev1.HostAlias {
	byIP := map[string][]string{}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		name := strings.ToLower(host)
		for _, ip := range hosts[host] {
			if _, err := netip.ParseAddr(ip); err == nil && len(validation.IsDNS1123Subdomain(name)) == 0 {
				byIP[ip] = append(byIP[ip], name)
			}
		}
	}
	var aliases []corev1.HostAlias
	for _, ip := range slices.Sorted(maps.Keys(byIP)) {
		aliases = append(aliases, corev1.HostAlias{IP: ip, Hostnames: byIP[ip]})
	}
	return aliases
}

// maxNameservers is how many the file may add: a resolver takes three, and the
// cluster's, which knows the services, comes first.
const maxNameservers = 2

// dnsConfig returns what the file adds to the pod's resolv.conf; nil: nothing.
// The pod's policy stays ClusterFirst, for services have to be found.
func dnsConfig(s types.ServiceConfig) *corev1.PodDNSConfig {
	c := corev1.PodDNSConfig{Searches: s.DNSSearch}
	for _, server := range s.DNS {
		if _, err := netip.ParseAddr(server); err == nil && len(c.Nameservers) < maxNameservers {
			c.Nameservers = append(c.Nameservers, server)
		}
	}
	for _, option := range s.DNSOpts {
		name, value, valued := strings.Cut(option, ":")
		o := corev1.PodDNSConfigOption{Name: name}
		if valued {
			o.Value = &value
		}
		c.Options = append(c.Options, o)
	}
	if len(c.Searches)+len(c.Nameservers)+len(c.Options) == 0 {
		return nil
	}
	return &c
}
