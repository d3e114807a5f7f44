package compose

import (
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
)

// Docker's own defaults of a health check.
const (
	checkInterval = 30 * time.Second
	checkTimeout  = 30 * time.Second
	checkRetries  = 3
	startInterval = 5 * time.Second
)

// eagerInterval is how often a container without a start period is asked
// whether it is healthy yet: docker would ask after a whole interval only.
const eagerInterval = 2 * time.Second

// setProbes turns a health check into three probes: one waits for the start,
// one keeps traffic away from what is unhealthy, one restarts it.
func setProbes(c *corev1.Container, h *types.HealthCheckConfig) {
	command := probeCommand(h)
	if command == nil {
		return
	}
	retries := checkRetries
	if h.Retries != nil && *h.Retries > 0 {
		retries = int(min(*h.Retries, 1<<20))
	}
	interval := orDefault(h.Interval, checkInterval)
	probe := corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: command}},
		TimeoutSeconds:   max(1, wholeSeconds(orDefault(h.Timeout, checkTimeout))),
		PeriodSeconds:    max(1, wholeSeconds(interval)),
		FailureThreshold: int32(retries),
		SuccessThreshold: 1, // written out, so that it goes when the probe goes
	}
	startup := probe
	patience := orDefault(h.StartPeriod, 0) + time.Duration(retries)*interval
	startup.PeriodSeconds = max(1, wholeSeconds(startPeriod(h, interval)))
	startup.FailureThreshold = max(int32(retries), divideUp(wholeSeconds(patience), startup.PeriodSeconds))
	c.StartupProbe, c.ReadinessProbe, c.LivenessProbe = &startup, probe.DeepCopy(), probe.DeepCopy()
}

// startPeriod returns how often a starting container is asked.
func startPeriod(h *types.HealthCheckConfig, interval time.Duration) time.Duration {
	switch {
	case h.StartInterval != nil && *h.StartInterval > 0:
		return time.Duration(*h.StartInterval)
	case orDefault(h.StartPeriod, 0) > 0:
		return min(interval, startInterval)
	}
	return min(interval, eagerInterval)
}

// probeCommand returns what the probes run; nil: there is no check.
func probeCommand(h *types.HealthCheckConfig) []string {
	if command, ok := planeProbe(h); ok {
		return literals(command)
	}
	switch {
	case h == nil || h.Disable || len(h.Test) < 2:
		return nil
	case h.Test[0] == "CMD":
		return literals(h.Test[1:])
	case h.Test[0] == "CMD-SHELL":
		return literals([]string{"/bin/sh", "-c", h.Test[1]})
	}
	return nil
}

// planeProbe returns the command of nagi-plane that does what the check's curl
// or wget does; false: the check is no such call.
func planeProbe(h *types.HealthCheckConfig) ([]string, bool) {
	if h == nil || h.Disable || len(h.Test) < 2 {
		return nil, false
	}
	words := []string(h.Test[1:])
	if h.Test[0] == "CMD-SHELL" {
		words = simpleWords(h.Test[1])
	} else if h.Test[0] != "CMD" {
		return nil, false
	}
	call, ok := parseFetch(words)
	if !ok {
		return nil, false
	}
	return append([]string{planePath + "/nagi-plane", "probe"}, call.args(orDefault(h.Timeout, checkTimeout))...), true
}

// orDefault returns d, or what holds when the file does not say.
func orDefault(d *types.Duration, otherwise time.Duration) time.Duration {
	if d == nil || *d <= 0 {
		return otherwise
	}
	return time.Duration(*d)
}

func divideUp(a, b int32) int32 { return int32((int64(a) + int64(b) - 1) / int64(b)) }
