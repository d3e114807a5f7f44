package compose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
)

// hookName is what a pre_start hook is called among services: no file can have
// a service of that name.
func hookName(service string, i int) string { return fmt.Sprintf("%s+%d", service, i) }

// hookService returns a pre_start hook as a service. compose-go gave it all
// that its service says, but for the volumes: those come here, before its own;
// of two at one place the hook's counts.
func hookService(s types.ServiceConfig, i int) types.ServiceConfig {
	hook := s.PreStart[i]
	h := types.ServiceConfig{Name: hookName(s.Name, i), ContainerSpec: hook.ContainerSpec}
	h.Image = cmp.Or(h.Image, s.Image)
	h.Volumes = slices.Clone(s.Volumes)
	for _, v := range hook.Volumes {
		if at := volumeAt(h.Volumes, v.Target); at >= 0 {
			h.Volumes[at] = v
		} else {
			h.Volumes = append(h.Volumes, v)
		}
	}
	return h
}

// volumeAt returns the index of the volume at target; -1: there is none.
func volumeAt(volumes []types.ServiceVolumeConfig, target string) int {
	return slices.IndexFunc(volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == target })
}

// ownVolume tells whether volume i of a hook is the hook's own.
func ownVolume(s, hook types.ServiceConfig, i int) bool {
	return i >= len(s.Volumes) || hook.Volumes[i].Source != s.Volumes[i].Source || hook.Volumes[i].Type != s.Volumes[i].Type
}

// addPreStart runs the hooks one after the other before the service's
// container begins, in every pod.
func (m *maker) addPreStart(pod *corev1.PodSpec, s types.ServiceConfig) {
	for i := range s.PreStart {
		hook := hookService(s, i)
		m.names[hook.Name] = fitTo(m.names[s.Name], maxName-12) + fmt.Sprintf("-pre-start-%d", i)
		set := m.mountsOf(hook)
		m.takeParents(&set, s, hook)
		set.setApart(m.volumePrefix(s))
		set.shareWith(pod, fmt.Sprintf("%spre-start-%d-", m.volumePrefix(s), i))
		c := m.container(hook, set)
		c.StartupProbe, c.ReadinessProbe, c.LivenessProbe, c.Lifecycle, c.Ports = nil, nil, nil, nil, nil
		m.addSeeds(pod, c.Image, c.ImagePullPolicy, set)
		m.addOwned(pod, set)
		pod.InitContainers = append(pod.InitContainers, c)
	}
}

// takeParents mounts the copies of files that a hook has from its service.
func (m *maker) takeParents(set *mountSet, s, hook types.ServiceConfig) {
	for i, v := range hook.Volumes {
		if v.Type == types.VolumeTypeBind && !ownVolume(s, hook, i) {
			m.addBind(set, s, i, v)
		}
	}
}

// shareWith gives the volumes of a set to a pod. One that the pod has already
// is shared; what is in memory, and what differs, becomes the set's own.
func (set *mountSet) shareWith(pod *corev1.PodSpec, prefix string) {
	for i := range set.volumes {
		v := &set.volumes[i]
		at := slices.IndexFunc(pod.Volumes, func(w corev1.Volume) bool { return w.Name == v.Name })
		if at >= 0 && !inMemory(*v) && hashOf(pod.Volumes[at]) == hashOf(*v) {
			continue
		}
		if at >= 0 {
			set.rename(v.Name, fitName(prefix+v.Name))
		}
		pod.Volumes = append(slices.Clip(pod.Volumes), *v)
	}
}

func inMemory(v corev1.Volume) bool {
	return v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory
}

// rename calls a volume of the set, and what mounts it, otherwise.
func (set *mountSet) rename(from, to string) {
	for i := range set.volumes {
		if set.volumes[i].Name == from {
			set.volumes[i].Name = to
		}
	}
	for _, o := range set.owned { // a file that is copied lies in a folder of its volume's name
		for i := range set.mounts {
			if m := &set.mounts[i]; o.source == from && m.Name == o.volume && m.SubPath == from {
				m.SubPath = to
			}
		}
	}
	for i := range set.mounts {
		if set.mounts[i].Name == from {
			set.mounts[i].Name = to
		}
	}
	for i := range set.seeds {
		if set.seeds[i].volume == from {
			set.seeds[i].volume = to
		}
	}
	for i := range set.owned {
		if set.owned[i].volume == from {
			set.owned[i].volume = to
		}
		if set.owned[i].source == from {
			set.owned[i].source = to
		}
	}
}

// setHooks gives a container the commands that run inside of it when it has
// started and before it is asked to stop.
func setHooks(c *corev1.Container, s types.ServiceConfig) {
	start, stop := hookCommand(s.PostStart), hookCommand(s.PreStop)
	if start == nil && stop == nil {
		return
	}
	if c.Lifecycle == nil {
		c.Lifecycle = &corev1.Lifecycle{}
	}
	if start != nil {
		c.Lifecycle.PostStart = &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: start}}
	}
	if stop != nil {
		c.Lifecycle.PreStop = &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: stop}}
	}
}

// hookCommand returns the one command that Kubernetes runs: the hook's own,
// else nagi-plane, which takes them one by one; nil: there is none.
func hookCommand(hooks []types.ServiceHook) []string {
	if len(hooks) == 0 {
		return nil
	}
	if plainHook(hooks) {
		return hooks[0].Command
	}
	command := []string{planePath + "/nagi-plane", "hook"}
	for _, h := range hooks {
		command = append(command, hookStep(h))
	}
	return command
}

// plainHook tells whether Kubernetes needs no help: one command, which runs as
// the container does.
func plainHook(hooks []types.ServiceHook) bool {
	return len(hooks) == 1 && hooks[0].User == "" && hooks[0].WorkingDir == "" && len(hooks[0].Environment) == 0
}

// needsHookProgram tells whether a service's hooks run through nagi-plane.
func needsHookProgram(s types.ServiceConfig) bool {
	return len(s.PostStart) > 0 && !plainHook(s.PostStart) || len(s.PreStop) > 0 && !plainHook(s.PreStop)
}

// hookStep is one step as nagi-plane reads it.
func hookStep(h types.ServiceHook) string {
	step := struct {
		Command []string `json:"command"`
		User    string   `json:"user,omitempty"`
		Dir     string   `json:"dir,omitempty"`
		Env     []string `json:"env,omitempty"`
	}{Command: h.Command, User: h.User, Dir: h.WorkingDir}
	for _, name := range slices.Sorted(maps.Keys(h.Environment)) {
		if value := h.Environment[name]; value != nil {
			step.Env = append(step.Env, name+"="+*value)
		}
	}
	text, err := json.Marshal(step)
	if err != nil {
		panic(fmt.Sprintf("marshal hook: %v", err)) // strings always marshal
	}
	return string(text)
}

func judgePerReplica(a attribute) (Verdict, string) {
	scale := deployedScale(a.project.Services[a.at[1]])
	if truthy(a.text) || scale < 2 {
		return Applied, ""
	}
	return Approximated, fmt.Sprintf("the hook runs in each of the %d replicas; it should not mind", scale)
}

// deployedScale returns how many containers of a service run on one node at
// least; 2 stands for one a node.
func deployedScale(s types.ServiceConfig) int {
	if strings.HasPrefix(deployOf(s).Mode, "global") {
		return 2
	}
	return s.GetScale()
}

func judgeHookUser(a attribute) (Verdict, string) {
	own := a.service.User
	switch {
	case a.text == "" || a.text == own || own == "root" || own == "0" || strings.HasPrefix(own, "0:"):
		return Applied, ""
	case own != "":
		return Refused, fmt.Sprintf("the hook runs inside of a container of user %q, which cannot become another; run the container as root", own)
	}
	return Approximated, "the container must run as root to become another user: so it is unless the image says otherwise"
}

func judgeHookPrivileged(a attribute) (Verdict, string) {
	if !truthy(a.text) || a.service.Privileged {
		return Applied, ""
	}
	return Refused, "the hook runs inside of the container and has no more privileges than it; make the service privileged"
}
