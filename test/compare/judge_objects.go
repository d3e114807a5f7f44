package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// The judges of this file look at the pod as the API shows it: what the kubelet
// obeys and nobody in the container sees.

func image(a *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return fullName(p.main.Image) == fullName(a.images[s.Name]) }))
}

// restart holds whether a container that ends is started again.
func restart(a *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool {
		policy := p.Spec.RestartPolicy
		switch {
		case s.Restart == types.RestartPolicyNo:
			return policy == corev1.RestartPolicyNever
		case strings.HasPrefix(s.Restart, types.RestartPolicyOnFailure):
			return policy == corev1.RestartPolicyOnFailure
		}
		return policy == corev1.RestartPolicyAlways || endsByItself(a.project.Project, s)
	}))
}

// labels may become labels or annotations: both can be read back.
func labels(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return marked(p, s.Labels) }))
}

func annotations(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return marked(p, types.Labels(s.Annotations)) }))
}

func marked(p pod, want map[string]string) bool {
	for k, v := range want {
		if p.Labels[k] != v && p.Annotations[k] != v {
			return false
		}
	}
	return true
}

func deploys(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	d := s.Deploy
	if d == nil {
		return out
	}
	if d.Replicas != nil {
		out["replicas"] = replicas(*d.Replicas)
	}
	if l := d.Resources.Limits; l != nil {
		amounts(out, "limits", limitsOf, l)
	}
	if r := d.Resources.Reservations; r != nil {
		amounts(out, "reservations", requestsOf, r)
	}
	if len(d.Labels) > 0 {
		out["labels"] = unseen
	}
	if d.RestartPolicy != nil {
		out["restart_policy"] = outside(func(p pod) bool {
			return p.Spec.RestartPolicy == map[string]corev1.RestartPolicy{
				"none": corev1.RestartPolicyNever, "on-failure": corev1.RestartPolicyOnFailure, "any": corev1.RestartPolicyAlways, "": corev1.RestartPolicyAlways,
			}[d.RestartPolicy.Condition]
		})
	}
	if d.UpdateConfig != nil {
		out["update_config"] = unseen
	}
	if len(d.Placement.Constraints)+len(d.Placement.Preferences) > 0 {
		out["placement"] = unseen
	}
	return out
}

// unseen is the judge of what one deploy on one machine does not show.
func unseen(context.Context, *seen, pod) verdict { return unknown }

func amounts(out map[string]judge, name string, of func(pod) corev1.ResourceList, r *types.Resource) {
	if r.MemoryBytes > 0 {
		out[name+" memory"] = outside(func(p pod) bool { return sameAmount(of(p)[corev1.ResourceMemory], float64(r.MemoryBytes)) })
	}
	if r.NanoCPUs > 0 {
		out[name+" cpus"] = outside(func(p pod) bool { return sameAmount(of(p)[corev1.ResourceCPU], float64(r.NanoCPUs)) })
	}
}

func limitsOf(p pod) corev1.ResourceList   { return p.main.Resources.Limits }
func requestsOf(p pod) corev1.ResourceList { return p.main.Resources.Requests }

// sameAmount forgives what rounding to a thousandth does.
func sameAmount(q resource.Quantity, want float64) bool {
	got := q.AsApproximateFloat64()
	return got > want*0.999-0.001 && got < want*1.001+0.001
}

func memLimit(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return sameAmount(limitsOf(p)[corev1.ResourceMemory], float64(s.MemLimit)) }))
}

func memReservation(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return sameAmount(requestsOf(p)[corev1.ResourceMemory], float64(s.MemReservation)) }))
}

func cpus(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return sameAmount(limitsOf(p)[corev1.ResourceCPU], float64(s.CPUS)) }))
}

func scale(_ *application, s types.ServiceConfig) map[string]judge {
	return one(replicas(s.GetScale()))
}

func replicas(want int) judge {
	return func(_ context.Context, o *seen, p pod) verdict {
		for _, pods := range o.pods {
			if len(pods) > 0 && pods[0].Name == p.Name {
				return verdictOf(len(pods) == want)
			}
		}
		return unknown
	}
}

func stopGrace(_ *application, s types.ServiceConfig) map[string]judge {
	want := int64(time.Duration(*s.StopGracePeriod).Seconds())
	return one(outside(func(p pod) bool {
		got := p.Spec.TerminationGracePeriodSeconds
		return got != nil && *got == want
	}))
}

func stdinOpen(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return p.main.Stdin == s.StdinOpen }))
}

func tty(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return p.main.TTY == s.Tty }))
}

func networkMode(_ *application, s types.ServiceConfig) map[string]judge {
	if s.NetworkMode != "host" {
		return one(unseen)
	}
	return one(outside(func(p pod) bool { return p.Spec.HostNetwork }))
}

func pidMode(_ *application, s types.ServiceConfig) map[string]judge {
	return one(outside(func(p pod) bool { return p.Spec.HostPID == (s.Pid == "host") }))
}

// healthcheck holds the command, and each number that the file writes, to
// those of any probe: of readiness, of the start, or of liveness.
func healthcheck(a *application, s types.ServiceConfig) map[string]judge {
	h := s.HealthCheck
	if h.Disable {
		return map[string]judge{"disable": outside(func(p pod) bool { return len(probes(p)) == 0 })}
	}
	out := map[string]judge{}
	if len(h.Test) > 1 {
		out["test"] = anyProbe(func(p corev1.Probe) bool { return asks(p, h.Test) })
	}
	number := func(name string, d *types.Duration, of func(corev1.Probe) int32) {
		if d != nil {
			out[name] = anyProbe(func(p corev1.Probe) bool { return float64(of(p)) == max(1, time.Duration(*d).Seconds()) })
		}
	}
	number("interval", h.Interval, func(p corev1.Probe) int32 { return p.PeriodSeconds })
	number("timeout", h.Timeout, func(p corev1.Probe) int32 { return p.TimeoutSeconds })
	number("start_interval", h.StartInterval, func(p corev1.Probe) int32 { return p.PeriodSeconds })
	if h.Retries != nil {
		out["retries"] = anyProbe(func(p corev1.Probe) bool { return int64(p.FailureThreshold) == int64(*h.Retries) })
	}
	if h.StartPeriod != nil && *h.StartPeriod > 0 {
		out["start_period"] = outside(func(p pod) bool { return patient(p, time.Duration(*h.StartPeriod)) })
	}
	if h.Test == nil && len(out) == 0 {
		out["disable"] = outside(func(pod) bool { return true }) // "disable: false" asks for nothing
	}
	return out
}

func probes(p pod) (all []corev1.Probe) {
	for _, probe := range []*corev1.Probe{p.main.ReadinessProbe, p.main.StartupProbe, p.main.LivenessProbe} {
		if probe != nil {
			all = append(all, *probe)
		}
	}
	return all
}

func anyProbe(ok func(corev1.Probe) bool) judge {
	return outside(func(p pod) bool {
		for _, probe := range probes(p) {
			if ok(probe) {
				return true
			}
		}
		return false
	})
}

// asks says whether a probe asks what the test asks: by the same command, a
// shell's where the file wants one, or by a request for the same URL.
func asks(p corev1.Probe, test []string) bool {
	want := strings.Join(test[1:], "\x00")
	if p.Exec == nil {
		return p.HTTPGet != nil && strings.Contains(want, p.HTTPGet.Path) && strings.Contains(want, p.HTTPGet.Port.String())
	}
	got := p.Exec.Command
	// Kubernetes reads $(NAME) in commands, and $$ as $.
	unescaped := func(s string) string { return strings.ReplaceAll(s, "$$", "$") }
	if test[0] == "CMD" && unescaped(strings.Join(got, "\x00")) == want {
		return true
	}
	if test[0] == "CMD-SHELL" && len(got) == 3 && strings.HasSuffix(got[0], "sh") && got[1] == "-c" && (unescaped(got[2]) == test[1] || got[2] == test[1]) {
		return true
	}
	if test[0] == "CMD-SHELL" && !strings.ContainsAny(test[1], "|&;$<>()`'\"\\*?~#\n") && strings.Join(got, " ") == test[1] {
		return true
	}
	return asksURL(got, want)
}

// asksURL says whether the command is another program's request for the one
// URL of the test.
func asksURL(command []string, test string) bool {
	for _, w := range strings.FieldsFunc(test, func(r rune) bool { return r == 0 || r == ' ' || r == '\'' || r == '"' }) {
		if !strings.Contains(w, "://") && !strings.HasPrefix(w, "localhost") {
			continue
		}
		for _, c := range command {
			if strings.TrimPrefix(strings.TrimSuffix(c, "/"), "http://") == strings.TrimPrefix(strings.TrimSuffix(w, "/"), "http://") {
				return true
			}
		}
	}
	return false
}

// patient says whether failures at the start do no harm for so long.
func patient(p pod, period time.Duration) bool {
	for _, probe := range probes(p) {
		if float64(probe.InitialDelaySeconds) >= period.Seconds() {
			return true
		}
	}
	s := p.main.StartupProbe
	return s != nil && float64(s.FailureThreshold*s.PeriodSeconds) >= period.Seconds()
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
