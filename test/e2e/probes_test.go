package e2e

// The limits of a container, with either version of cgroups.
const (
	memoryMax = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
	pidsMax   = "cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max"
	cpuMax    = "cat /sys/fs/cgroup/cpu.max 2>/dev/null || (cd /sys/fs/cgroup/cpu && echo $(cat cpu.cfs_quota_us) $(cat cpu.cfs_period_us))"
)

// insideProbes run in the containers of testdata/differential/compose.yaml.
var insideProbes = []probe{
	{"entrypoint command", "words", "cat /tmp/argv", `first\|calm\|two words`},
	{"environment", "words", `echo "$DOLLARS"`, `\$\(x\) \$\$`},
	{"env_file", "words", `echo "$FILE, $WORD"`, "from file, calm"},
	{"working_dir", "words", "readlink /proc/1/cwd", "/var/www"},
	{"user group_add.*", "words", "id -u; id -g; id -G", `1000\n1001\n1001 2000`},
	{"hostname domainname", "words", "hostname", `front\.example\.test`},
	{"dns_search dns_opt", "words", "cat /etc/resolv.conf", `.*search [^\n]*example\.test.*options [^\n]*ndots:2.*`},
	{"extra_hosts", "words", "grep db.example /etc/hosts", `192\.0\.2\.1\s+db\.example`},
	{"sysctls.*", "words", "cat /proc/sys/net/ipv4/tcp_keepalive_time", "777"},
	{"tty", "words", "readlink /proc/1/fd/0", "/dev/pts/0|/dev/console"},
	{"platform", "words", "uname -s -m", "Linux x86_64"},

	{"stdin_open", "plain", "readlink /proc/1/fd/0", `pipe:.*`},
	{"command", "plain", `tr '\0' ' ' < /proc/1/cmdline`, "sleep 1000000 "},

	{"read_only", "locked", "touch /x || echo kept out", `.*Read-only file system\nkept out`},
	{"cap_add.* cap_drop.*", "locked", "grep CapBnd /proc/1/status", `CapBnd:\s+0000000000000400`},
	{"security_opt.*", "locked", "grep -E '^(NoNewPrivs|Seccomp):' /proc/1/status", `NoNewPrivs:\s+1\nSeccomp:\s+0`},

	{"privileged", "open", "all=$(awk '/CapBnd/ {print $2}' /proc/1/status); grep -c \"CapEff:.*$all\" /proc/self/status", "1"}, // /proc/1 is the machine's
	{"pid", "open", "ls -d /proc/[0-9]* | wc -l | xargs test 20 -lt && echo many", "many"},

	{"init", "reaped", "cat /proc/1/comm; grep -l '^State:.Z' /proc/[0-9]*/status | wc -l", `nagi-plane\n0`},

	{"user group_add.*", "native", "id -un; id -G", `www-data\n33 1 2000`},
	{"ulimits.* ulimits.*.soft ulimits.*.hard", "native", "grep -E '^Max (open files|core)' /proc/1/limits; ulimit -n", `[^\n]*core[^\n]* 0 +0 [^\n]*\n[^\n]*files +512 +1024 [^\n]*\n512`},
	{"umask oom_score_adj", "native", "grep Umask /proc/1/status; cat /proc/1/oom_score_adj", `Umask:\s+0027\n250`},
	{"sysctls.*", "native", "cat /proc/sys/net/core/somaxconn", "333"},
	{"pids_limit", "native", pidsMax, "64"},
	{"deploy.resources.limits.pids", "deployed", pidsMax, "77"},

	{"mem_limit", "limited", memoryMax, "67108864"},
	{"cpus", "limited", cpuMax, "50000 100000"},
	{"shm_size", "limited", "df -k /dev/shm | tail -1", `\S+\s+32768 .*`},
	{"tmpfs.*", "limited", "stat -c '%a %u %g' /run; df -k /run | tail -1; stat -f -c %T /scratch", `1770 33 34\n\S+\s+1024 .*\ntmpfs`},

	{"deploy.resources.limits.cpus deploy.resources.limits.memory", "deployed", cpuMax + "; " + memoryMax, `25000 100000\n50331648`},
	{"cpu_count", "counted", cpuMax, "100000 100000"},
	{"cpu_quota cpu_period", "shared-out", cpuMax, "30000 100000"},
	{"tmpfs", "shared-out", "stat -f -c %T /run", "tmpfs"},

	{"volumes volumes.* services.*.volumes.*", "files", "touch /shared/x && ls /only/x", "/only/x"},
	{"services.*.volumes.*.read_only", "files", "touch /only/y || echo kept out", `.*\nkept out`},
	{"services.*.volumes.*.volume.subpath services.*.volumes.*.volume.nocopy", "files", "touch /part/z; grep ' /part ' /proc/self/mountinfo | grep -c /inner", "1"},
	{"services.*.volumes.*.tmpfs.mode services.*.volumes.*.tmpfs.size", "files", "stat -c %a /cache; df -k /cache | tail -1", `700\n\S+\s+2048 .*`},
	{"services.*.volumes.*.image.subpath services.*.volumes.*.type", "files", "test -x /other/busybox && echo there", "there"},
	{"services.*.volumes.*.source services.*.volumes.*.target", "files", "cat /site/index.html; /site/run.sh; cat /one.env", `hello\nran\nFILE=from file\nWORD=loses`},
	{"configs configs.* configs.*.content services.*.configs.*", "files", "cat /text; stat -Lc '%a %u %g' /text", `hello\n444 0 0`},
	{
		"services.*.configs.*.uid services.*.configs.*.gid services.*.configs.*.mode services.*.configs.*.source services.*.configs.*.target",
		"files", "cat /etc/owned; stat -Lc '%a %u %g' /etc/owned /etc/moded", `hello\n440 33 34\n400 0 0`,
	},
	{"configs.*.file configs.*.environment", "files", "cat /from-file /from-variable", `FILE=from file\nWORD=loses\nsesame`},
	{"secrets secrets.* secrets.*.environment services.*.secrets.*", "files", "cat /run/secrets/word; stat -Lc ' %a %u' /run/secrets/word", "sesame 444 0"},
	{
		"services.*.secrets.*.uid services.*.secrets.*.gid services.*.secrets.*.mode services.*.secrets.*.source services.*.secrets.*.target secrets.*.file",
		"files", "stat -Lc '%a %u %g' /run/secrets/owned; cat /etc/full-path", `400 33 34\nFILE=from file\nWORD=loses`,
	},
	{"depends_on.*.condition depends_on.*", "files", "test /shared/after -nt /shared/healthy && test /shared/after -nt /shared/once && echo in order", "in order"},

	{"services.*.volumes.*", "seeded", "stat -c '%u %a' /home; grep -c www-data /etc/passwd", `65534 755\n1`},
	{"services.*.volumes.*.volume.nocopy", "seeded", "stat -c %u /var/www", "0"},

	{"volumes_from.*", "borrower", "ls /lent-site; touch /lent/x || echo kept out", `index.html\nrun.sh\n.*kept out`},

	{"healthcheck.test healthcheck.interval healthcheck.start_interval", "healthy", "test $(wc -l < /tmp/checks) -gt 1 && echo asked", "asked"},
	{"links.*", "after", "nslookup companion | grep -c 'Address.*10\\.42'", "[1-9]"},
	{"deploy.replicas deploy.endpoint_mode", "after", "nslookup deployed | grep -c 'Address.*10\\.42'", "2"},
	{"scale", "after", "nslookup counted | grep -c 'Address.*10\\.42'", "1"},
	{"ports.*.target", "after", "wget -qO- http://published/door; wget -qO- http://published:81/door", `open\nopen`},
	{"profiles depends_on.*.required", "after", "nslookup absent | grep -c 'Address.*10\\.42'", "0"},
	{"include services services.*", "included", "echo here", "here"},
	{"extends", "heir", "echo $FROM", "base"},

	{"pre_start.*.per_replica", "hooked", "cat /shared/pre-start", "hook kept 0"},
	{"post_start.*.command post_start.*.user post_start.*.working_dir post_start.*.environment", "hooked", "cat /tmp/post-start", "hook 33 /var/www"},
	{"post_start.*.privileged", "mighty", "grep -vc 00000000a80425fb /tmp/caps", "1"}, // the caps of all others
}

const kubectl = "nagi kubectl -n differential "

// outsideProbes run on the machine: what a container cannot see of itself.
var outsideProbes = []probe{
	{"ports.* ports.*.published ports.*.host_ip ports.*.protocol ports.*.mode", "", "curl -fsS -m 5 http://127.0.0.1:8097/door; curl -fsS -m 5 http://127.0.0.1:8098/door", `open\nopen`},
	{"ports.*.app_protocol", "", kubectl + "get services -o jsonpath='{.items[*].spec.ports[*].appProtocol}'", `.*http`},
	{"devices", "", kubectl + "exec deploy/tunnelled -- sh -c 'cat /dev/net/tun; true </dev/other && echo opened; true 2>/dev/null >/dev/other || echo not to write' 2>&1", ".*bad state.*opened\nnot to write"},
	{"devices device_cgroup_rules", "", "test $(" + kubectl + "exec deploy/open -- sh -c 'ls /dev | wc -l') -ge $(" + kubectl + "exec deploy/plain -- sh -c 'ls /dev | wc -l') && echo all", "all"},
	{"ipc", "", "test $(" + kubectl + "exec deploy/open -- readlink /proc/self/ns/ipc) = $(readlink /proc/self/ns/ipc) && echo the same", "the same"},
	{"expose.*", "", kubectl + "get deployment healthy -o jsonpath='{..containerPort}'", "9000"},
	{"name", "", "nagi kubectl get namespace differential -o name", "namespace/differential"},
	{"labels label_file annotations", "", kubectl + `get pod -l team=blue -o jsonpath='{.items[0].metadata.labels.from\.file} {.items[0].metadata.annotations.example\.org/note}'`, "yes quiet"},
	{"deploy.labels", "", kubectl + "get deployment words -o jsonpath='{.metadata.labels.tier}'", "front"},
	{"image pull_policy", "", kubectl + "get deployment words -o jsonpath='{..containers[0].image} {..containers[0].imagePullPolicy}'", "busybox:latest Never"},
	{"mem_reservation deploy.resources.reservations.cpus deploy.resources.reservations.memory", "", kubectl + "get deployment limited deployed -o jsonpath='{range .items[*]}{..containers[0].resources.requests}{end}'", `.*32Mi.*50m.*16Mi.*`},
	{"deploy.mode", "", kubectl + "get daemonset shared-out -o jsonpath='{.status.numberReady}'", "1"},
	{"restart", "", kubectl + "get job once -o jsonpath='{.status.succeeded} {.spec.backoffLimit}'", "1 0"},
	{
		"healthcheck.timeout healthcheck.retries healthcheck.start_period healthcheck.disable", "",
		kubectl + "get deployment healthy -o jsonpath='{..livenessProbe.timeoutSeconds} {..livenessProbe.failureThreshold} {..startupProbe.failureThreshold}'; " +
			kubectl + "get deployment after -o jsonpath=' {..livenessProbe}'", "2 7 27",
	},
	{"depends_on.*.restart", "", kubectl + `get deployment after -o jsonpath='{.spec.template.metadata.annotations.nagi\.dev/hash}'`, "[0-9a-f]{10}"},
	{"deploy.placement.preferences.*.spread", "", kubectl + "get deployment words -o jsonpath='{..topologySpreadConstraints[0].topologyKey}'", "rack"},
	{"volumes.*.driver_opts.* volumes.*.labels volumes.*.driver", "", kubectl + "get pvc parts shared -o jsonpath='{.items[0].spec.resources.requests.storage} {.items[1].metadata.labels.kept}'", "2Gi yes"},
	{"jobs jobs.* jobs.*.triggers.manual jobs.*.depends_on.*", "", "nagi run -p differential tick; nagi run -p differential minute", `.*ticked as 1000\n.*only its schedule starts it`},
	{"jobs.*.profiles", "", kubectl + "get cronjob dormant -o name", ".*not found.*"},
	{
		"jobs.*.triggers.schedule.* jobs.*.triggers.schedule.*.cron jobs.*.triggers.schedule.*.timezone jobs.*.triggers.schedule.*.concurrency jobs.*.triggers.schedule.*.missed_fires", "",
		kubectl + "get cronjob minute short -o jsonpath='{range .items[*]}{.spec.schedule}|{.spec.timeZone}|{.spec.concurrencyPolicy}|{.spec.startingDeadlineSeconds} {end}'",
		`\* \* \* \* \*\|Asia/Tokyo\|Forbid\|20 0 3 \* \* \*\|\|Forbid\| ?`,
	},
}

const failing = "nagi kubectl -n failing "

// failingProbes run on the machine, again and again, until they come true.
var failingProbes = []probe{
	{"deploy.restart_policy.condition", "", failing + "get job tries -o jsonpath='{.status.failed} {.status.conditions[?(@.type==\"Failed\")].status}'", "1 True"},
	{"deploy.restart_policy.max_attempts", "", failing + "get job again -o jsonpath='{.status.conditions[?(@.type==\"Failed\")].reason}'", "BackoffLimitExceeded"},
	{"deploy.placement.constraints.*", "", failing + "get pod -l nagi.dev/service=nowhere -o jsonpath='{.items[0].status.phase}'", "Pending"},
	{"deploy.placement.max_replicas_per_node", "", failing + "get deployment crowded -o jsonpath='{.status.readyReplicas} of {.status.replicas}'", "1 of 2"},
	{"deploy.placement.max_replicas_per_node", "", failing + "get deployment packed -o jsonpath='{.status.readyReplicas} of {.status.replicas}'", "2 of 3"},
}

// stopped are the attributes that the end of the test looks at.
const stopped = "stop_signal stop_grace_period pre_stop.*.command pre_stop.*.user pre_stop.*.working_dir pre_stop.*.environment pre_stop.*.privileged"

// elsewhere are the attributes that no container of this file can see, and why.
var elsewhere = map[string]string{
	"cgroup isolation runtime userns_mode uts":   "only the value that changes nothing is applied",
	"gpus deploy.resources.reservations.devices": "is approximated or refused whatever its value",
	"logging.driver":                         "is approximated whatever its value",
	"x-nagi services.*.x-nagi jobs.*.x-nagi": "only an empty one is applied: no pattern exists yet",
	"configs.*.name secrets.*.name volumes.*.name volumes.*.external": "of external objects, which a person makes before the deploy: unit tests",
}
