package compose

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/plane/oci"
)

// RuntimeClass is the runtime of Nagi's nodes that gives a container what
// Kubernetes has no word for.
const RuntimeClass = "nagi"

// processLimits are the names that ulimits has.
var processLimits = []string{
	"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
	"nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
}

// askRuntime writes what the runtime is to do for the containers of services
// into the annotations of their pods. On any other cluster nobody would read it.
func (m *maker) askRuntime(meta *metav1.ObjectMeta, pod *corev1.PodSpec, mates []types.ServiceConfig) {
	if m.portable {
		return
	}
	for _, s := range mates {
		m.askFor(meta, pod, s, len(mates) > 1)
		for i := range s.PreStart {
			m.askFor(meta, pod, hookService(s, i), len(mates) > 1)
		}
	}
}

func (m *maker) askFor(meta *metav1.ObjectMeta, pod *corev1.PodSpec, s types.ServiceConfig, shared bool) {
	text, err := json.Marshal(runtimeSettings(s, shared))
	if err != nil {
		panic(fmt.Sprintf("marshal settings: %v", err)) // strings and numbers always marshal
	}
	if string(text) == "{}" {
		return
	}
	meta.Annotations = withMark(meta.Annotations, oci.AnnotationPrefix+m.names[s.Name], string(text))
	pod.RuntimeClassName = new(RuntimeClass)
}

// LeftOut says, for people, what of a project only Nagi's own runtime can do:
// objects for any cluster go without it.
func LeftOut(p *types.Project) []string {
	var out []string
	p = prepare(p)
	hosts := podHosts(p)
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := p.Services[name]
		all, shared := []types.ServiceConfig{s}, len(podMates(p, hosts, hosts[name])) > 1
		for i := range s.PreStart {
			all = append(all, hookService(s, i))
		}
		var what []string
		for _, c := range all {
			what = append(what, settingNames(runtimeSettings(c, shared))...)
		}
		if len(what) > 0 {
			slices.Sort(what)
			out = append(out, name+": "+strings.Join(slices.Compact(what), ", "))
		}
	}
	return out
}

// settingNames are the words of a compose file for what settings hold.
func settingNames(s oci.Settings) (names []string) {
	for _, n := range []struct {
		name string
		set  bool
	}{
		{"devices", len(s.Devices) > 0},
		{"group_add", s.User == "" && slices.ContainsFunc(s.Groups, func(g string) bool { return numericID(g) != nil })},
		{"group_add by name", slices.ContainsFunc(s.Groups, func(g string) bool { return numericID(g) == nil })},
		{"oom_score_adj", s.OOMScoreAdj != nil},
		{"pids_limit", s.Pids != 0},
		{"sysctls", len(s.Sysctls) > 0},
		{"ulimits", len(s.Limits) > 0},
		{"umask", s.Umask != nil},
		{"user by name", s.User != ""},
	} {
		if n.set {
			names = append(names, n.name)
		}
	}
	return names
}

// runtimeSettings returns what a service asks beyond Kubernetes. For that, the
// groups of one that shares its pod would be those of all of it.
func runtimeSettings(s types.ServiceConfig, shared bool) oci.Settings {
	out := oci.Settings{Umask: s.Umask, Pids: processes(s)}
	if !numericUser(s.User) {
		out.User = s.User
	}
	for _, group := range s.GroupAdd {
		if shared || out.User != "" || numericID(group) == nil { // a user by name comes with groups of its own
			out.Groups = append(out.Groups, group)
		}
	}
	if s.OomScoreAdj > 0 {
		out.OOMScoreAdj = new(int(s.OomScoreAdj))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Ulimits)) {
		if l := s.Ulimits[name]; l != nil && slices.Contains(processLimits, name) {
			out.Limits = append(out.Limits, processLimit(name, *l))
		}
	}
	out.Devices = ownDevices(s)
	for name, value := range s.Sysctls {
		if ofNetwork(name) && !slices.Contains(safeSysctls, name) {
			out.Sysctls = withMark(out.Sysctls, name, value)
		}
	}
	return out
}

// processes is the most that a container may have; 0: the file does not say.
func processes(s types.ServiceConfig) int64 {
	if l := deployOf(s).Resources.Limits; l != nil && l.Pids != 0 {
		return l.Pids
	}
	return s.PidsLimit
}

func processLimit(name string, l types.UlimitsConfig) oci.Limit {
	soft, hard := l.Soft, l.Hard
	if l.Single != 0 {
		soft, hard = l.Single, l.Single
	}
	return oci.Limit{Name: name, Soft: boundless(soft), Hard: boundless(hard)}
}

// boundless reads -1 as no limit, as the kernel writes it.
func boundless(n int) uint64 {
	if n < 0 {
		return math.MaxUint64
	}
	return uint64(n)
}

// numericUser tells whether Kubernetes understands a user.
func numericUser(text string) bool {
	user, group, both := strings.Cut(text, ":")
	return text == "" || numericID(user) != nil && (!both || numericID(group) != nil)
}

// ofNetwork tells whether a sysctl belongs to the pod's own network.
func ofNetwork(name string) bool { return strings.HasPrefix(name, "net.") }

const ownRuntime = "by Nagi's own runtime: left out where another runs the containers"

func judgeOwnRuntime(attribute) (Verdict, string) { return Applied, ownRuntime }

func judgeUlimit(a attribute) (Verdict, string) {
	name := a.at[3]
	if a.at[2] == "pre_start" {
		name = a.at[5]
	}
	if !slices.Contains(processLimits, name) {
		return Refused, fmt.Sprintf("there is no limit %q%s; there are %s", name, meant(name, processLimits), strings.Join(processLimits, ", "))
	}
	return Applied, ownRuntime
}

func judgeScore(a attribute) (Verdict, string) {
	if strings.HasPrefix(a.text, "-") {
		return Approximated, "not set: no container outlives the programs of the machine"
	}
	return Applied, ownRuntime
}
