package compose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A seed is a volume that, when it is new, gets what the image has at the
// place where it is mounted.
type seed struct{ volume, from string }

// addSeeds puts the init container into a pod that fills new volumes: it runs
// the image of the service, whose files it copies, and in it nagi-plane.
func (m *maker) addSeeds(pod *corev1.PodSpec, image string, pull corev1.PullPolicy, set mountSet) {
	if len(set.seeds) == 0 {
		return
	}
	number := 0
	for _, c := range pod.InitContainers {
		if strings.HasPrefix(c.Name, "nagi-seed") {
			number++
		}
	}
	c := rootContainer(fmt.Sprintf("nagi-seed-%d", number))
	c.Image, c.ImagePullPolicy = image, pull
	c.Command = []string{planePath + "/nagi-plane", "seed"}
	c.SecurityContext.ReadOnlyRootFilesystem = nil // mounts of ours have no place in it yet
	c.VolumeMounts = []corev1.VolumeMount{{Name: planeName, MountPath: planePath, ReadOnly: true}}
	for i, s := range set.seeds {
		to := fmt.Sprintf("/.nagi-seed/%d", i)
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: s.volume, MountPath: to})
		c.Args = append(c.Args, literals([]string{s.from, to})...)
	}
	if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == planeName }) {
		pod.Volumes = append(slices.Clip(pod.Volumes), m.planeVolume())
	}
	pod.InitContainers = append(pod.InitContainers, c)
}

// rootContainer may read all files and give them to anyone, and nothing else.
func rootContainer(name string) corev1.Container {
	return corev1.Container{
		Name:                     name,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext: &corev1.SecurityContext{
			RunAsUser: new(int64(0)), RunAsGroup: new(int64(0)), ReadOnlyRootFilesystem: new(true), AllowPrivilegeEscalation: new(false),
			Capabilities: &corev1.Capabilities{
				Add: []corev1.Capability{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"}, Drop: []corev1.Capability{"ALL"},
			},
		},
	}
}
