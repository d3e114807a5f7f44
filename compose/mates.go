package compose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

// defaultContainer names, on a pod, the container that kubectl means when
// nobody says which.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// podMeta returns the marks of the pods of a service: all by which one of its
// mates is found. Where two say something of one label, the host counts.
func (m *maker) podMeta(s types.ServiceConfig, mates []types.ServiceConfig) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Labels: m.meta("", m.names[s.Name]).Labels}
	for _, mate := range mates {
		for _, alias := range m.aliasesOf(mate.Name) {
			meta.Labels[v1alpha1.AliasPrefix+alias] = ""
		}
		for _, n := range m.networksOf(mate) {
			meta.Labels[n.label] = ""
		}
		if mate.Name != s.Name {
			markFrom(&meta, mate.Labels)
			annotateFrom(&meta, mate.Annotations)
			meta.Annotations = withMark(meta.Annotations, defaultContainer, m.names[s.Name])
		}
	}
	m.markMates(&meta, s, mates)
	markFrom(&meta, s.Labels)
	annotateFrom(&meta, s.Annotations)
	return meta
}

// markMates notes on a workload or a pod which other services run in it.
func (m *maker) markMates(meta *metav1.ObjectMeta, s types.ServiceConfig, mates []types.ServiceConfig) {
	for _, mate := range mates {
		if mate.Name != s.Name {
			meta.Labels = withMark(meta.Labels, v1alpha1.JoinedPrefix+m.names[mate.Name], "")
		}
	}
}

// addService puts a service into a pod: what has to be done before it begins,
// then its container. One that others need goes on among the init containers.
func (m *maker) addService(pod *corev1.PodSpec, s types.ServiceConfig, ahead bool) {
	mounts, prefix := m.mountsOf(s), m.volumePrefix(s)
	mounts.setApart(prefix)
	if of := memoryOf(m.project, s); of.Name != s.Name {
		if memory := volumeNamed(pod.Volumes, fitName(m.volumePrefix(of)+shmVolume)); memory != nil {
			mounts.takeMemory(*memory)
		}
	}
	mounts.shareWith(pod, prefix)
	m.addWait(pod, s)
	m.addSeeds(pod, s.Image, pullPolicy(s.PullPolicy), mounts)
	m.addOwned(pod, mounts)
	m.addPreStart(pod, s)
	m.addGate(pod, s, mounts)
	c := m.container(s, mounts)
	if ahead {
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		pod.InitContainers = append(pod.InitContainers, c)
		return
	}
	pod.Containers = append(pod.Containers, c)
}

// volumePrefix stands before the volumes of a service in the pod of another.
func (m *maker) volumePrefix(s types.ServiceConfig) string {
	if m.hasPod(s.Name) {
		return ""
	}
	return m.names[s.Name] + "-"
}

// setApart gives the volumes of a set names that no other service of the pod
// has. Claims, and what holds the same for all, keep theirs.
func (set *mountSet) setApart(prefix string) {
	if prefix == "" {
		return
	}
	for _, v := range slices.Clone(set.volumes) {
		if v.PersistentVolumeClaim == nil && v.Name != planeName {
			set.rename(v.Name, fitName(prefix+v.Name))
		}
	}
}

// takeMemory mounts the shared memory of the pod in place of the set's own.
func (set *mountSet) takeMemory(memory corev1.Volume) {
	set.volumes = slices.DeleteFunc(slices.Clone(set.volumes), func(v corev1.Volume) bool { return inMemory(v) && set.mountedAt(v.Name, shmPath) })
	set.mounts = slices.DeleteFunc(slices.Clone(set.mounts), func(m corev1.VolumeMount) bool { return m.MountPath == shmPath })
	set.mounts = append(set.mounts, corev1.VolumeMount{Name: memory.Name, MountPath: shmPath})
}

func (set *mountSet) mountedAt(volume, place string) bool {
	return slices.ContainsFunc(set.mounts, func(m corev1.VolumeMount) bool { return m.Name == volume && m.MountPath == place })
}

func volumeNamed(volumes []corev1.Volume, name string) *corev1.Volume {
	if i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == name }); i >= 0 {
		return &volumes[i]
	}
	return nil
}

// ownName is the name of an init container of ours for a service: with that of
// the service where several share the pod.
func ownName(name, service, host string) string {
	if service == host {
		return name
	}
	return fitName(name + "-" + service)
}

// judgeJoin says what becomes of an attribute that joins another service.
func judgeJoin(a attribute, what string) (Verdict, string) {
	to := joined(a.project.Project, a.text)
	if to == "" {
		return Refused, fmt.Sprintf("a container outside the stack cannot share its %s; name a service of this file, or remove it", what)
	}
	host := podHosts(a.project.Project)[a.service.Name]
	switch a.name() {
	case "pid":
		return Approximated, fmt.Sprintf("runs in the pod of %s: all of it shares process numbers, of which 1 is the pod's own, and the network", host)
	case "ipc":
		return Approximated, fmt.Sprintf("runs in the pod of %s: all of it shares the network too", host)
	}
	return Approximated, fmt.Sprintf("runs in the pod of %s: all of it shares memory (ipc) too, and is replaced as a whole", host)
}

// judgeGrace looks at the time to stop, which Kubernetes has for a whole pod: the
// longest of its services counts.
func judgeGrace(a attribute) (Verdict, string) {
	own := stopSeconds(a.service)
	for _, other := range a.project.shares(a.service.Name) {
		if theirs := stopSeconds(a.project.Services[other]); theirs > own {
			return Approximated, fmt.Sprintf("%d s: services.%s runs in the same pod, and the longest time counts for all of it", theirs, other)
		}
	}
	return Applied, ""
}

// judgeInit looks at init: the one that a pod can have is number 1 for all of it.
func judgeInit(a attribute) (Verdict, string) {
	others := a.project.shares(a.service.Name)
	if !truthy(a.text) || len(others) == 0 {
		return Applied, ""
	}
	return Approximated, fmt.Sprintf("all of its pod, in which services.%s runs too, shares process numbers then", others[0])
}

const furtherName = "becomes a further name of the service"

// judgeContainerName looks at a name by which other services find a container.
func judgeContainerName(a attribute) (Verdict, string) {
	if to := joined(a.project.Project, a.service.NetworkMode); to != "" {
		return Approximated, fmt.Sprintf("leads nowhere: its network is that of services.%s", to)
	}
	return Approximated, furtherName
}

// sharedMarks says what becomes of labels of a service in another one's pod; "":
// it has its own.
func sharedMarks(a attribute) string {
	host := cmp.Or(podHosts(a.project.Project)[a.service.Name], a.service.Name)
	if host == a.service.Name {
		return ""
	}
	return fmt.Sprintf("stand on the pod of %s: where that says otherwise, it counts", host)
}
