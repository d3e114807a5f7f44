package compose

import (
	"strings"
	"sync"
)

// A row says what becomes of an attribute.
type row struct {
	at      path
	whole   bool // of all below it too, in one entry
	derived bool // the same is said of a service
	verdict Verdict
	reason  string
	judge   func(attribute) (Verdict, string) // when it depends on the value
}

// table has a row for every attribute of the schema: a test walks it.
var table = sync.OnceValue(func() *rows {
	t := &rows{byDepth: map[int][]row{}}
	t.top()
	t.container()
	t.workload()
	t.deployment()
	t.build()
	t.hooks()
	t.jobs()
	t.extensions()
	return t
})

// rows collects the table. A pattern that ends in ** is reported as a whole.
type rows struct {
	byDepth map[int][]row
}

func (t *rows) add(r row, patterns ...string) {
	for _, p := range patterns {
		p, r.whole = strings.CutSuffix(p, ".**")
		r.at = strings.Split(p, ".")
		t.byDepth[len(r.at)] = append(t.byDepth[len(r.at)], r)
	}
}

func (t *rows) applied(patterns ...string) { t.add(row{verdict: Applied}, patterns...) }

func (t *rows) approximated(reason string, patterns ...string) {
	t.add(row{verdict: Approximated, reason: reason}, patterns...)
}

func (t *rows) refused(reason string, patterns ...string) {
	t.add(row{verdict: Refused, reason: reason}, patterns...)
}

func (t *rows) judged(judge func(attribute) (Verdict, string), patterns ...string) {
	t.add(row{verdict: Applied, judge: judge}, patterns...)
}

// rowFor returns the row of an attribute.
func rowFor(at path) (row, bool) {
	for _, r := range table().byDepth[len(at)] {
		if at.matches(r.at) {
			return r, true
		}
	}
	if len(at) > 0 && strings.HasPrefix(at[len(at)-1], "x-") && !namesOf(at) {
		return row{at: at, whole: true, verdict: Approximated, reason: "ignored, but for what the file itself takes from it"}, true
	}
	return row{}, false
}

// namesOf says whether at is a name that the user chose, which may begin with
// "x-" too: services.x-ray.
func namesOf(at path) bool {
	return len(at) == 2 && at[0] != "include"
}

// unknownRow is for what passed the schema and yet has no row.
func unknownRow(at path) row {
	return row{at: at, verdict: Refused, reason: "this version does not know it; remove it"}
}

// top holds what is not a service.
func (t *rows) top() {
	t.applied("name", "include.**", "services", "services.*", "networks", "networks.*", "volumes", "configs", "secrets", "volumes.*", "configs.*", "secrets.*")
	t.approximated("ignored: obsolete", "version")
	t.refused("models are not run yet; run the model server as a service", "models.**")

	t.walls()

	t.judged(judgeVolumeName, "volumes.*.name")
	t.judged(judgeVolumeDriver, "volumes.*.driver")
	t.judged(judgeVolumeOption, "volumes.*.driver_opts.*")
	t.add(row{verdict: Applied, reason: "the claim of that name must be there already"}, "volumes.*.external.**")
	t.judged(judgeMarks, "volumes.*.labels.**")

	t.applied("configs.*.file", "configs.*.environment", "configs.*.content", "secrets.*.file", "secrets.*.environment")
	t.approximated("a ConfigMap of that name, with its text under the key of that name, must be in the stack's namespace", "configs.*.external.**")
	t.approximated("a Secret of that name, with its text under the key of that name, must be in the stack's namespace", "secrets.*.external.**")
	t.judged(judgeObjectName, "configs.*.name", "secrets.*.name")
	t.approximated("ignored: the objects are Nagi's own", "configs.*.labels.**", "secrets.*.labels.**")
	t.refused(`templates are not filled in; write the finished text`, "configs.*.template_driver", "secrets.*.template_driver")
	t.refused(`other stores are not read; use "file" or "environment"`, "secrets.*.driver", "secrets.*.driver_opts.**")
}

// walls holds the networks themselves.
func (t *rows) walls() {
	t.add(row{verdict: Applied, reason: "every stack that gives a network this name is in it"}, "networks.*.name")
	t.approximated("every stack that names it is in it; their services answer as SERVICE.STACK", "networks.*.external.**")
	t.judged(judgeInternal, "networks.*.internal")
	t.judged(judgeNetworkDriver, "networks.*.driver")
	t.judged(judgeNetworkOption, "networks.*.driver_opts.*")
	t.judged(judgeIPv4, "networks.*.enable_ipv4")
	t.judged(judgeIPv6, "networks.*.enable_ipv6")
	t.judged(judgeMarks, "networks.*.labels.**")
	t.approximated("addresses are given by the cluster; use the names of services", "networks.*.ipam.**")
	t.approximated("ignored: only services of stacks join a network", "networks.*.attachable")
}

// container holds what says how a container runs.
func (t *rows) container() {
	s := func(names ...string) []string { return under("services.*.", names) }
	t.applied(s("cap_add.*", "cap_drop.*", "command.**", "dns_opt.**", "dns_search.**", "entrypoint.**", "env_file.**",
		"environment.**", "image", "label_file.**", "mem_limit", "mem_reservation", "cpus", "cpu_count", "platform", "privileged",
		"read_only", "shm_size", "stop_signal", "working_dir",
		"configs.*", "configs.*.source", "configs.*.target", "configs.*.mode",
		"secrets.*", "secrets.*.source", "secrets.*.target", "secrets.*.mode")...)
	t.judged(judgeOwner, s("configs.*.uid", "configs.*.gid", "secrets.*.uid", "secrets.*.gid")...)
	t.approximated("becomes a share that is kept for the service", s("cpu_shares")...)
	t.judged(judgeQuota, s("cpu_quota", "cpu_period")...)
	t.approximated("not set: Kubernetes has no such limit for one container", s("blkio_config.**", "cpu_percent",
		"cpu_rt_period", "cpu_rt_runtime", "cpuset", "mem_swappiness", "memswap_limit", "oom_kill_disable", "storage_opt.**")...)
	t.judged(judgeOwnRuntime, s("pids_limit", "umask")...)
	t.judged(judgeScore, s("oom_score_adj")...)
	t.judged(judgeUlimit, s("ulimits.*", "ulimits.*.soft", "ulimits.*.hard")...)
	t.approximated("asked after the cluster's own name server, two at most", s("dns.**")...)
	t.approximated("not set: the cluster gives addresses", s("mac_address")...)
	t.judged(judgeMarks, s("annotations.**", "labels.**")...)
	t.judged(judgeHosts, s("extra_hosts.**")...)
	t.judged(judgeIdentity, s("group_add.*")...)
	t.judged(judgeHostname, s("hostname")...)
	t.judged(judgeDomain, s("domainname")...)
	t.judged(judgeInit, s("init")...)
	t.judged(judgeLogging, s("logging.driver")...)
	t.approximated("ignored: the node keeps and turns over the logs", s("logging.options.**")...)
	t.judged(judgePull, s("pull_policy")...)
	t.approximated("pulled only when absent", s("pull_refresh_after")...)
	t.judged(judgeSecurity, s("security_opt.*")...)
	t.judged(judgeGrace, s("stop_grace_period")...)
	t.judged(judgeSysctl, s("sysctls.*")...)
	t.judged(judgeTmpfs, s("tmpfs", "tmpfs.*")...)
	t.judged(judgeIdentity, s("user")...)
	t.isolation(s)
	t.mounts(s)
	t.networks(s)
}

// isolation holds what would open a container to the machine.
func (t *rows) isolation(s func(...string) []string) {
	t.judged(judgeNetworkMode, s("network_mode")...)
	t.judged(judgeSpace("process numbers"), s("pid")...)
	t.judged(judgeSpace("shared memory"), s("ipc")...)
	t.judged(judgeShared("host name"), s("uts")...)
	t.judged(judgeShared("cgroup"), s("cgroup")...)
	t.judged(judgeUserns, s("userns_mode")...)
	t.judged(judgeRuntime, s("runtime", "isolation")...)
	t.refused("Kubernetes places containers in cgroups of its own; remove it", s("cgroup_parent")...)
	t.judged(judgeDevices, s("devices.**", "device_cgroup_rules.**")...)
	t.judged(judgeProcessors, s("gpus.**")...)
	t.refused("is for Windows; remove it", s("credential_spec.**")...)
	t.refused("the engine's socket is not given to containers; remove it", s("use_api_socket")...)
	t.refused("models are not run yet; run the model server as a service", s("models.**")...)
}

func (t *rows) mounts(s func(...string) []string) {
	t.judged(judgeVolume, s("volumes.*", "volumes.*.source")...)
	t.judged(judgeVolumeType, s("volumes.*.type")...)
	t.applied(s("volumes.*.target", "volumes.*.read_only", "volumes.*.volume.nocopy", "volumes.*.volume.subpath",
		"volumes.*.tmpfs.size", "volumes.*.image.subpath")...)
	t.approximated("ignored: the copy is a plain folder", s("volumes.*.bind.propagation", "volumes.*.bind.create_host_path",
		"volumes.*.bind.recursive", "volumes.*.bind.selinux", "volumes.*.consistency")...)
	t.applied(s("volumes.*.tmpfs.mode")...)
	t.approximated("ignored: the labels of the volume itself count", s("volumes.*.volume.labels.**")...)
	t.judged(judgeVolumesFrom, s("volumes_from.*")...)
}

func (t *rows) networks(s func(...string) []string) {
	t.add(row{verdict: Applied, reason: "names are known in the whole stack; only services that share a network reach each other"}, s("networks.*")...)
	t.applied(s("networks.*.aliases.**")...)
	t.approximated("not set: the cluster gives addresses and interfaces; use the names of services", s("networks.*.interface_name", "networks.*.ipv4_address",
		"networks.*.ipv6_address", "networks.*.link_local_ips.**", "networks.*.mac_address", "networks.*.driver_opts.**",
		"networks.*.priority", "networks.*.gw_priority", "networks.*.use_service_name_alias")...)
}

// workload holds what says how a service meets others.
func (t *rows) workload() {
	s := func(names ...string) []string { return under("services.*.", names) }
	t.applied(s("depends_on.*", "depends_on.*.condition", "depends_on.*.restart", "depends_on.*.required",
		"healthcheck.test.**", "healthcheck.interval", "healthcheck.timeout", "healthcheck.retries",
		"healthcheck.start_period", "healthcheck.start_interval", "healthcheck.disable",
		"expose.*", "stdin_open", "tty", "links.*", "scale", "profiles.**", "extends.**",
		"ports.*.target", "ports.*.protocol", "ports.*.app_protocol", "ports.*.mode")...)
	t.judged(judgePort, s("ports.*", "ports.*.published")...)
	t.judged(judgeHostIP, s("ports.*.host_ip")...)
	t.approximated("ignored: ports are named after their numbers", s("ports.*.name")...)
	t.judged(judgeRestart, s("restart")...)
	t.add(row{verdict: Approximated, reason: furtherName, judge: judgeContainerName}, s("container_name")...)
	t.approximated("ignored: deploy does not show the output; see nagi logs", s("attach")...)
	t.add(row{verdict: Applied, reason: "by nagi deploy --watch"}, s("develop", "develop.watch.*.path", "develop.watch.*.target",
		"develop.watch.*.ignore.**", "develop.watch.*.include.**", "develop.watch.*.initial_sync", "develop.watch.*.exec.command.**")...)
	t.judged(judgeWatch, s("develop.watch.*.action")...)
	t.add(row{verdict: Applied, reason: "by nagi deploy --watch"}, s("develop.watch.*.exec.working_dir", "develop.watch.*.exec.environment.**")...)
	t.judged(judgeHookUser, s("develop.watch.*.exec.user")...)
	t.judged(judgeHookPrivileged, s("develop.watch.*.exec.privileged")...)
	t.approximated("the command runs in each container of the service", s("develop.watch.*.exec.per_replica")...)
	t.refused("containers outside the stack cannot be linked; use SERVICE.STACK as the host name", s("external_links.*")...)
	t.refused("providers are not run; write the service itself", s("provider.**")...)
}

// deployment holds services.*.deploy.
func (t *rows) deployment() {
	s := func(names ...string) []string { return under("services.*.deploy.", names) }
	t.applied(s("mode", "replicas", "update_config.parallelism", "update_config.delay", "update_config.order",
		"resources.limits.cpus", "resources.limits.memory", "resources.reservations.cpus", "resources.reservations.memory")...)
	t.judged(judgeMarks, s("labels.**")...)
	t.judged(judgeEndpoint, s("endpoint_mode")...)
	t.applied(s("update_config.failure_action", "rollback_config.parallelism", "rollback_config.delay", "rollback_config.order")...)
	t.judged(judgeMonitor, s("update_config.monitor", "update_config.max_failure_ratio")...)
	t.judged(judgeBack, s("rollback_config.failure_action", "rollback_config.monitor", "rollback_config.max_failure_ratio")...)
	t.judged(judgeOwnRuntime, s("resources.limits.pids")...)
	t.judged(judgeProcessors, s("resources.reservations.devices.**")...)
	t.refused("only graphics processors are given by number: see devices; remove it", s("resources.reservations.generic_resources.**")...)
	t.judged(judgeCondition, s("restart_policy.condition")...)
	t.judged(judgeAttempts, s("restart_policy.max_attempts")...)
	t.approximated("Kubernetes waits longer after each failure, 5 minutes at most", s("restart_policy.delay", "restart_policy.window")...)
	t.judged(judgeConstraint, s("placement.constraints.*")...)
	t.judged(judgeSpread, s("placement.preferences.*.spread")...)
	t.judged(judgeMaxReplicas, s("placement.max_replicas_per_node")...)
}

// under puts a prefix before every name.
func under(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}
