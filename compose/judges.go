package compose

import (
	"fmt"
	slashpath "path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
)

func truthy(text string) bool {
	on, _ := strconv.ParseBool(text)
	return on || slices.Contains([]string{"yes", "on", "y"}, strings.ToLower(text))
}

func judgeVolumeName(a attribute) (Verdict, string) {
	if a.parent.get("external") != nil {
		return Applied, ""
	}
	return Approximated, fmt.Sprintf("the claim is called %q", ObjectName(a.at[1]))
}

func judgeVolumeDriver(a attribute) (Verdict, string) {
	if a.text == "local" || a.text == "" {
		return Applied, ""
	}
	return Refused, fmt.Sprintf("there is no volume driver %q; remove it to use the cluster's storage", a.text)
}

func judgeVolumeOption(a attribute) (Verdict, string) {
	if a.name() == "size" || a.name() == "o" && sizeOption(a.text) > 0 && !strings.Contains(a.text, ",") {
		return Applied, ""
	}
	return Refused, "a volume is a folder of the cluster's storage and has only the option size; remove it"
}

func judgeObjectName(a attribute) (Verdict, string) {
	if a.parent.get("external") != nil {
		return Applied, ""
	}
	return Approximated, "the object is named after its content"
}

// judgeMarks looks at labels and annotations.
func judgeMarks(a attribute) (Verdict, string) {
	var lost []string
	for _, key := range a.fieldNames() {
		if !freeKey(key) {
			lost = append(lost, key)
		}
	}
	shared := sharedMarks(a)
	if len(lost) == 0 && shared == "" {
		return Applied, ""
	}
	if len(lost) == 0 {
		return Approximated, shared
	}
	return Approximated, "Kubernetes does not allow " + strings.Join(lost, ", ") + ": left out"
}

func judgeQuota(a attribute) (Verdict, string) {
	if a.parent.get("cpu_quota") != nil && a.parent.get("cpus") == nil {
		return Applied, ""
	}
	return Approximated, `counts only as "cpu_quota" without "cpus"`
}

func judgeHosts(a attribute) (Verdict, string) {
	for _, host := range a.service.ExtraHosts {
		for _, ip := range host {
			if checkAddress(ip) != "" {
				return Refused, fmt.Sprintf("%q is not known in the cluster; write the address", ip)
			}
		}
	}
	return Applied, ""
}

// judgeIdentity looks at a user or a group, whose names only the image knows.
func judgeIdentity(a attribute) (Verdict, string) {
	if numericUser(a.text) {
		return Applied, ""
	}
	return Applied, ownRuntime
}

func judgeHostname(a attribute) (Verdict, string) {
	if strings.Contains(a.text, ".") || ObjectName(a.text) == a.text {
		return Applied, ""
	}
	return Approximated, fmt.Sprintf("becomes %q", ObjectName(a.text))
}

func judgeDomain(a attribute) (Verdict, string) {
	if a.service.Hostname != "" {
		return Applied, ""
	}
	return Approximated, `not set: it takes a "hostname" to go with it`
}

func judgeLogging(a attribute) (Verdict, string) {
	return Approximated, "logs go to the node's files, where nagi logs reads them"
}

func judgePull(a attribute) (Verdict, string) {
	if a.service.Build != nil && a.text != "build" {
		return Approximated, "built here at each deploy, and not pulled"
	}
	switch a.text {
	case "always", "never", "missing", "if_not_present", "build":
		return Applied, ""
	}
	return Approximated, "pulled only when absent"
}

func judgeSecurity(a attribute) (Verdict, string) {
	option := strings.Replace(a.text, ":", "=", 1)
	switch {
	case strings.HasPrefix(option, "no-new-privileges"):
		if a.service.Privileged {
			return Approximated, "left out: a privileged container keeps its privileges"
		}
		return Applied, ""
	case option == "seccomp=unconfined":
		return Applied, ""
	case option == "apparmor=unconfined", strings.HasPrefix(option, "label="):
		return Approximated, "left out: the node's own policy counts"
	}
	return Refused, "there is no way to say this to Kubernetes; remove it"
}

func judgeSysctl(a attribute) (Verdict, string) {
	name := a.name()
	if a.parent.kind == list {
		name, _, _ = strings.Cut(a.text, "=")
	}
	if slices.Contains(safeSysctls, name) {
		return Applied, ""
	}
	if ofNetwork(name) {
		return Applied, ownRuntime
	}
	return Approximated, fmt.Sprintf("left out: Kubernetes lets no pod set %s; set it on the machine", name)
}

// judgeShared looks at the namespaces that a container may share.
func judgeShared(what string) func(attribute) (Verdict, string) {
	return func(a attribute) (Verdict, string) {
		switch {
		case a.text == "" || a.text == "private" || a.text == "shareable" || a.text == "bridge" || a.text == "default":
			return Applied, ""
		case a.text == "host":
			return Refused, fmt.Sprintf("containers do not share the machine's %s; remove it", what)
		}
		return Refused, fmt.Sprintf("containers do not share another one's %s; remove it and use the service's name", what)
	}
}

func judgeUserns(a attribute) (Verdict, string) {
	if a.text == "host" || a.text == "" {
		return Applied, ""
	}
	return Refused, "users are not mapped; remove it"
}

func judgeRuntime(a attribute) (Verdict, string) {
	switch a.text {
	case "", "runc", "default":
		return Applied, ""
	}
	return Refused, fmt.Sprintf("there is no runtime %q here; remove it", a.text)
}

func judgeEndpoint(a attribute) (Verdict, string) {
	if a.text == "dnsrr" {
		return Applied, ""
	}
	return Approximated, "the name answers with the addresses of all containers"
}

// long says whether a service's containers are to run on, rather than end.
func long(a attribute) bool {
	switch deployOf(a.service).Mode {
	case "replicated-job", "global-job":
		return false
	}
	for _, s := range a.project.Services {
		if d, ok := s.DependsOn[a.service.Name]; ok && d.Condition == types.ServiceConditionCompletedSuccessfully {
			return false
		}
	}
	return true
}

const startsAgain = "a service that ends is started again; one that should end needs a service that waits for it, or deploy.mode: replicated-job"

func judgeRestart(a attribute) (Verdict, string) {
	base, _, _ := strings.Cut(a.text, ":")
	if long(a) && (base == "no" || base == "on-failure") {
		return Approximated, startsAgain
	}
	return Applied, ""
}

func judgeCondition(a attribute) (Verdict, string) {
	if long(a) && a.text != "any" {
		return Approximated, startsAgain
	}
	return Applied, ""
}

func judgeAttempts(a attribute) (Verdict, string) {
	if long(a) {
		return Approximated, "it is tried for ever, with longer and longer pauses"
	}
	return Applied, ""
}

// judgePort looks at an entry of ports, or at the published part of one.
func judgePort(a attribute) (Verdict, string) {
	if !publishes(a.service) {
		return Approximated, fmt.Sprintf("left out: network_mode is %s", a.service.NetworkMode)
	}
	published := a.text
	if a.name() != "published" {
		ports, err := types.ParsePortConfig(a.text)
		if err != nil || len(ports) == 0 {
			return Applied, ""
		}
		published = ports[0].Published
	}
	switch {
	case published == "" || published == "0":
		return Applied, "Kubernetes picks the port"
	case strings.Contains(published, "-"):
		return Approximated, "every port of the range is published"
	}
	return Applied, "answers at the addresses on which the server listens"
}

func judgeHostIP(a attribute) (Verdict, string) {
	return Applied, "the server must listen on that address"
}

// judgeVolumeType judges a long entry that has no source.
func judgeVolumeType(a attribute) (Verdict, string) {
	switch {
	case a.text == "cluster" || a.text == "npipe":
		return Refused, fmt.Sprintf("there are no %s volumes; use a named volume", a.text)
	case a.parent.get("source") == nil && a.text == types.VolumeTypeVolume:
		return Approximated, anonymous
	}
	return Applied, ""
}

const anonymous = "its files last as long as the pod; give it a name to keep them"

// judgeVolume looks at an entry of volumes, or at the source of one.
func judgeVolume(a attribute) (Verdict, string) {
	v, ok := mounted(a)
	switch {
	case !ok:
		return Applied, ""
	case v.Type == types.VolumeTypeBind:
		return judgeBind(a, v)
	case v.Type == types.VolumeTypeVolume && v.Source == "":
		return Approximated, anonymous
	case v.Type == types.VolumeTypeVolume && wasBind(a):
		return Approximated, fmt.Sprintf("nothing is in that folder: it becomes the volume %q, which the stack keeps", v.Source)
	}
	return Applied, ""
}

// mounted finds the merged volume that an entry of a file has become.
func mounted(a attribute) (types.ServiceVolumeConfig, bool) {
	target := a.parent.get("target").str()
	if a.name() != "source" {
		v, err := format.ParseVolume(a.text)
		if err != nil {
			return types.ServiceVolumeConfig{}, false
		}
		target = v.Target
	}
	i := slices.IndexFunc(a.service.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == slashpath.Clean(target) })
	if i < 0 {
		return types.ServiceVolumeConfig{}, false
	}
	return a.service.Volumes[i], true
}

func judgeBind(a attribute, v types.ServiceVolumeConfig) (Verdict, string) {
	why := a.project.outside(v.Source)
	switch {
	case strings.HasSuffix(v.Source, "docker.sock") || strings.HasSuffix(v.Source, "podman.sock"):
		return Refused, "there is no such engine, and its socket would rule the machine; remove it"
	case why != "":
		return Refused, fmt.Sprintf("%s %s; copy it into the project, or use a named volume", v.Source, why)
	}
	return Approximated, "a read-only copy, taken at each deploy"
}
