package compose

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// hooks holds what runs beside a service: pre_start containers, which have
// nearly all that a container has, and commands inside of the service's own.
func (t *rows) hooks() {
	t.judged(judgePerReplica, "services.*.pre_start.*.per_replica")
	t.approximated("the hook runs in the pod of its service: what the service itself says counts", under("services.*.pre_start.*.", ofPod)...)
	t.derive("services.*.", "services.*.pre_start.*.", types.ContainerSpecAttributes)
	for _, hook := range []string{"services.*.post_start.*.", "services.*.pre_stop.*."} {
		t.applied(under(hook, []string{"command.**", "working_dir", "environment.**"})...)
		t.judged(judgeHookUser, hook+"user")
		t.judged(judgeHookPrivileged, hook+"privileged")
	}
}

// ofPod are the attributes of a container that Kubernetes has for a pod only.
var ofPod = []string{
	"annotations.**", "dns.**", "dns_opt.**", "dns_search.**", "domainname", "extra_hosts.**", "group_add.*", "hostname",
	"init", "ipc", "labels.**", "label_file.**", "networks.**", "network_mode", "pid", "platform", "stop_grace_period", "sysctls.*",
}

// jobs holds what a job has besides what every container has.
func (t *rows) jobs() {
	t.applied("jobs", "jobs.*", "jobs.*.profiles.**", "jobs.*.triggers.manual", "jobs.*.triggers.schedule.*.timezone")
	t.judged(judgeSchedule, "jobs.*.triggers.schedule.*", "jobs.*.triggers.schedule.*.cron")
	t.judged(judgeConcurrency, "jobs.*.triggers.schedule.*.concurrency")
	t.judged(judgeMissed, "jobs.*.triggers.schedule.*.missed_fires")
	t.judged(judgeJobDependency, "jobs.*.depends_on.*")
	t.derive("services.*.", "jobs.*.", types.ContainerSpecAttributes)
	t.derive("services.*.", "jobs.*.", workAttributes)
}

// workAttributes are those of services and jobs that pre_start has not.
var workAttributes = []string{"build", "depends_on", "expose", "healthcheck", "ports", "stdin_open", "tty"}

// derive gives the attributes below one place the rows that they have below
// another, unless they have a row already.
func (t *rows) derive(from, to string, attributes []string) {
	source, target := strings.Split(strings.TrimSuffix(from, "."), "."), strings.Split(strings.TrimSuffix(to, "."), ".")
	var more []row
	for _, all := range t.byDepth {
		for _, r := range all {
			if len(r.at) <= len(source) || !slices.Equal(r.at[:len(source)], source) || !slices.Contains(attributes, r.at[len(source)]) {
				continue
			}
			r.at, r.derived = slices.Concat(path(target), r.at[len(source):]), true
			more = append(more, r)
		}
	}
	for _, r := range more {
		if !t.has(r.at) {
			t.byDepth[len(r.at)] = append(t.byDepth[len(r.at)], r)
		}
	}
}

// has says whether at, or a whole in which it lies, has a row.
func (t *rows) has(at path) bool {
	for depth := 1; depth <= len(at); depth++ {
		for _, r := range t.byDepth[depth] {
			if (r.whole || depth == len(at)) && slices.Equal(r.at, at[:depth]) {
				return true
			}
		}
	}
	return false
}
