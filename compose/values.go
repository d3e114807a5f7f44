package compose

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/docker/go-units"
	"github.com/xhit/go-str2duration/v2"
)

// A valueCheck says what is wrong with the text of an attribute; "" for nothing.
type valueCheck struct {
	at    path
	check func(text string) string
}

// valueChecks hold the small languages inside compose's strings. An attribute
// with a wrong one is refused before the files are merged, at its own line.
var valueChecks = sync.OnceValue(func() []valueCheck {
	var all []valueCheck
	add := func(check func(string) string, patterns ...string) {
		for _, p := range patterns {
			all = append(all, valueCheck{strings.Split(p, "."), check})
		}
	}
	add(checkPort, "services.*.ports.*")
	add(checkPortNumber, "services.*.ports.*.target")
	add(checkPortRange, "services.*.ports.*.published", "services.*.expose.*")
	add(oneOf("tcp", "udp", "sctp"), "services.*.ports.*.protocol")
	add(checkAddress, "services.*.ports.*.host_ip")
	add(checkVolume, "services.*.volumes.*")
	add(checkTarget, "services.*.volumes.*.target")
	add(checkTmpfs, "services.*.tmpfs", "services.*.tmpfs.*")
	add(checkImage, "services.*.image")
	add(checkWords, "services.*.command", "services.*.entrypoint")
	add(checkRestart, "services.*.restart")
	add(oneOf("replicated", "global", "replicated-job", "global-job"), "services.*.deploy.mode")
	add(oneOf("none", "on-failure", "any"), "services.*.deploy.restart_policy.condition")
	add(oneOf("vip", "dnsrr"), "services.*.deploy.endpoint_mode")
	add(checkCron, "jobs.*.triggers.schedule.*", "jobs.*.triggers.schedule.*.cron")
	add(checkTimezone, "jobs.*.triggers.schedule.*.timezone")
	add(checkConstraint, "services.*.deploy.placement.constraints.*")
	add(checkBool, "jobs.*.triggers.manual", "services.*.pre_start.*.per_replica")
	add(checkHost, "services.*.extra_hosts.*")
	add(checkDuration, durations()...)
	add(checkBytes, "services.*.mem_limit", "services.*.mem_reservation", "services.*.memswap_limit",
		"services.*.shm_size", "services.*.build.shm_size", "services.*.volumes.*.tmpfs.size",
		"services.*.deploy.resources.limits.memory", "services.*.deploy.resources.reservations.memory")
	add(checkCPUs, "services.*.cpus", "services.*.deploy.resources.limits.cpus", "services.*.deploy.resources.reservations.cpus")
	add(checkCount, "services.*.scale", "services.*.deploy.replicas", "services.*.healthcheck.retries",
		"services.*.deploy.update_config.parallelism", "services.*.deploy.rollback_config.parallelism",
		"services.*.deploy.restart_policy.max_attempts", "services.*.deploy.placement.max_replicas_per_node")
	add(checkWhole, "services.*.pids_limit", "services.*.deploy.resources.limits.pids", "services.*.oom_score_adj",
		"services.*.cpu_shares", "services.*.cpu_quota", "services.*.cpu_period",
		"services.*.ulimits.*", "services.*.ulimits.*.soft", "services.*.ulimits.*.hard")
	add(checkBool, "services.*.privileged", "services.*.read_only", "services.*.init", "services.*.tty",
		"services.*.stdin_open", "services.*.healthcheck.disable", "services.*.volumes.*.read_only",
		"services.*.oom_kill_disable", "networks.*.internal", "networks.*.external", "volumes.*.external",
		"configs.*.external", "secrets.*.external")
	return all
})

func durations() []string {
	all := []string{
		"services.*.stop_grace_period", "services.*.pull_refresh_after",
		"services.*.deploy.restart_policy.delay", "services.*.deploy.restart_policy.window",
	}
	for _, f := range []string{"interval", "timeout", "start_period", "start_interval"} {
		all = append(all, "services.*.healthcheck."+f)
	}
	for _, f := range []string{"delay", "monitor"} {
		all = append(all, "services.*.deploy.update_config."+f, "services.*.deploy.rollback_config."+f)
	}
	return all
}

// checkValues returns the first value below n whose text is wrong.
func checkValues(n *node, at path) error {
	if n.reset || n.null() {
		return nil
	}
	if n.kind == scalar {
		if len(n.text) > maxText && (at[0] == "services" || at[0] == "jobs") {
			return n.file.fault(n.line, at, "is longer than %d KiB, the most that a program can be given", maxText>>10)
		}
		container := at.asService()
		for _, c := range valueChecks() {
			if at.matches(c.at) || container.matches(c.at) {
				if msg := c.check(n.text); msg != "" {
					return n.file.fault(n.line, at, "%s", msg)
				}
			}
		}
		return nil
	}
	if at.asService().matches(path{"services", "*", "volumes"}) {
		if err := checkTargets(n, at); err != nil {
			return err
		}
	}
	return n.each(func(step string, _ int, child *node) error {
		return checkValues(child, at.with(step))
	})
}

// checkTargets refuses two volumes at one place: when the files are merged
// the first would vanish without a word.
func checkTargets(volumes *node, at path) error {
	taken := map[string]int{}
	for i, v := range volumes.items {
		target := v.get("target").str()
		if v.kind == scalar {
			if short, err := format.ParseVolume(v.text); err == nil {
				target = short.Target
			}
		}
		if target = filepath.Clean(target); target == "." {
			continue
		}
		if other, twice := taken[target]; twice {
			return v.file.fault(v.line, at.with(strconv.Itoa(i)), "%s is already taken by %s", target, at.with(strconv.Itoa(other)))
		}
		taken[target] = i
	}
	return nil
}

func checkPort(text string) string {
	if strings.HasSuffix(text, ":") {
		return fmt.Sprintf("%q has no container port; write %q", text, text+"8080")
	}
	bare, proto, hasProto := strings.Cut(text, "/")
	if hasProto && !slices.Contains([]string{"tcp", "udp", "sctp"}, strings.ToLower(proto)) {
		return fmt.Sprintf("%q is no protocol; write tcp, udp or sctp", proto)
	}
	container := bare[strings.LastIndex(bare, ":")+1:]
	if msg := checkPortRange(container); msg != "" {
		return msg
	}
	ports, err := types.ParsePortConfig(text)
	if err != nil {
		return fmt.Sprintf("%q is no port: %v; write \"8080:80\"", text, err)
	}
	for _, p := range ports {
		if msg := checkPortRange(p.Published); p.Published != "" && p.Published != "0" && msg != "" {
			return msg
		}
	}
	return ""
}

func checkPortNumber(text string) string {
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
		return fmt.Sprintf("%q is no port; ports are numbers from 1 to 65535", text)
	}
	return ""
}

func checkPortRange(text string) string {
	text, _, _ = strings.Cut(text, "/")
	first, last, isRange := strings.Cut(text, "-")
	if first == "0" && !isRange || text == "" {
		return ""
	}
	if msg := checkPortNumber(first); msg != "" || !isRange {
		return msg
	}
	if msg := checkPortNumber(last); msg != "" {
		return msg
	}
	from, _ := strconv.Atoi(first)
	to, _ := strconv.Atoi(last)
	switch {
	case to < from:
		return fmt.Sprintf("the range %s ends before it begins", text)
	case to-from >= maxPortRange:
		return fmt.Sprintf("%s are %d ports; one entry may have %d", text, to-from+1, maxPortRange)
	}
	return ""
}

func checkAddress(text string) string {
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
		return fmt.Sprintf("%q is no IP address", text)
	}
	return ""
}

func checkVolume(text string) string {
	v, err := format.ParseVolume(text)
	if err != nil {
		return fmt.Sprintf("%q is no volume; write \"SOURCE:/target\"", text)
	}
	return checkTarget(v.Target)
}

func checkTarget(text string) string {
	switch {
	case !strings.HasPrefix(text, "/"):
		return fmt.Sprintf("the target %q must be a full path: %q", text, "/"+strings.TrimPrefix(text, "./"))
	case filepath.Clean(text) == "/":
		return "nothing can be mounted over the whole image, /; name a folder in it"
	}
	return ""
}

func checkTmpfs(text string) string {
	target, _, _ := strings.Cut(text, ":")
	return checkTarget(target)
}

func checkImage(text string) string {
	if _, err := reference.ParseAnyReference(text); err != nil {
		return fmt.Sprintf("%q is no image name; write it like \"nginx:1.27\", in lower case", text)
	}
	return ""
}

func checkWords(text string) string {
	if n := len(strings.Fields(text)); n > maxEntries {
		return fmt.Sprintf("has %d words; a command may have %d", n, maxEntries)
	}
	return ""
}

func checkRestart(text string) string {
	base, count, _ := strings.Cut(text, ":")
	words := []string{"no", "always", "on-failure", "unless-stopped"}
	if !slices.Contains(words, base) || count != "" && (base != "on-failure" || checkCount(count) != "") {
		return fmt.Sprintf("%q is none of %s%s", text, strings.Join(words, ", "), meant(base, words))
	}
	return ""
}

func oneOf(words ...string) func(string) string {
	return func(text string) string {
		if slices.Contains(words, text) {
			return ""
		}
		return fmt.Sprintf("%q is none of %s%s", text, strings.Join(words, ", "), meant(text, words))
	}
}

func checkHost(text string) string {
	if !strings.ContainsAny(text, "=:") && checkAddress(text) != "" {
		return fmt.Sprintf("%q has no address; write \"%s=10.0.0.1\"", text, text)
	}
	return ""
}

func checkDuration(text string) string {
	if d, err := str2duration.ParseDuration(text); err != nil || text == "" {
		return fmt.Sprintf("%q is no duration; write it like \"30s\" or \"1m30s\"", text)
	} else if d < 0 {
		return fmt.Sprintf("%q is below zero", text)
	}
	return ""
}

func checkBytes(text string) string {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ""
	}
	if _, err := units.RAMInBytes(text); err != nil {
		return fmt.Sprintf("%q is no size; write it like \"512m\" or \"2g\"", text)
	}
	return ""
}

func checkCPUs(text string) string {
	if n, err := strconv.ParseFloat(text, 64); err != nil || n < 0 || n > 100_000 {
		return fmt.Sprintf("%q is no number of processors; write it like \"0.5\"", text)
	}
	return ""
}

func checkCount(text string) string {
	if n, err := strconv.ParseUint(text, 0, 31); err != nil {
		return fmt.Sprintf("%q is no count; write a whole number, 0 or more", text)
	} else if n > 10_000 {
		return fmt.Sprintf("%q is more than 10000", text)
	}
	return ""
}

func checkWhole(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return fmt.Sprintf("%q is no number", text)
	}
	return ""
}

func checkBool(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "1", "0", "y", "n", "yes", "no", "on", "off", "t", "f":
		return ""
	}
	return fmt.Sprintf("%q is neither true nor false", text)
}

var cronField = regexp.MustCompile(`^[0-9A-Za-z*,/?#-]+$`)

func checkCron(text string) string {
	if strings.HasPrefix(text, "@") {
		return oneOf("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")(text)
	}
	fields := strings.Fields(text)
	if len(fields) != 5 || slices.ContainsFunc(fields, func(f string) bool { return !cronField.MatchString(f) }) {
		return fmt.Sprintf("%q is no schedule; write five fields, like \"0 3 * * *\"", text)
	}
	return ""
}
