package compose

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// planeName is the volume that holds nagi-plane.
const planeName = "nagi-plane"

// addPlane copies nagi-plane into a pod that mounts it, where its image cannot
// be mounted.
func (m *maker) addPlane(pod *corev1.PodSpec) {
	if !m.portable || !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == planeName }) {
		return
	}
	c := m.waitContainer([]string{"install", planePath})
	c.Name = "nagi-install"
	c.VolumeMounts = []corev1.VolumeMount{{Name: planeName, MountPath: planePath}}
	pod.InitContainers = append([]corev1.Container{c}, pod.InitContainers...)
}

// Needs lists what a cluster must offer to run the objects, for people: what
// not every Kubernetes has, and what only this file needs.
func Needs(objs []Object) []string {
	n := needs{seen: map[string][]string{}}
	for _, o := range objs {
		n.object(o)
	}
	var out []string
	for _, what := range n.order {
		who := n.seen[what]
		slices.Sort(who)
		out = append(out, fmt.Sprintf("%s (%s)", what, strings.Join(slices.Compact(who), ", ")))
	}
	return out
}

// needs collects who needs what.
type needs struct {
	order []string
	seen  map[string][]string
}

func (n *needs) add(who, what string) {
	if n.seen[what] == nil {
		n.order = append(n.order, what)
	}
	n.seen[what] = append(n.seen[what], who)
}

func (n *needs) object(o Object) {
	switch o := o.(type) {
	case *networkingv1.NetworkPolicy:
		n.add(o.Name, "a network plugin that enforces NetworkPolicies")
	case *corev1.PersistentVolumeClaim:
		n.add(o.Name, "a default StorageClass")
	case *corev1.Service:
		if o.Spec.Type == corev1.ServiceTypeLoadBalancer {
			n.add(o.Name, "a load balancer for Services")
		}
		if ip := o.Annotations[hostIPAnnotation]; ip != "" {
			n.add(o.Name, fmt.Sprintf("a load balancer that keeps to %s: others publish at every address", ip))
		}
	}
	if spec := podOf(o); spec != nil {
		n.pod(o.GetName(), *spec)
	}
}

// podOf returns what pods an object makes; nil: none.
func podOf(o Object) *corev1.PodSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template.Spec
	case *appsv1.DaemonSet:
		return &o.Spec.Template.Spec
	case *batchv1.Job:
		return &o.Spec.Template.Spec
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template.Spec
	}
	return nil
}

func (n *needs) pod(who string, p corev1.PodSpec) {
	for _, c := range p.InitContainers {
		if c.RestartPolicy != nil {
			n.add(who, "init containers that go on beside the others (Kubernetes 1.29)")
		}
		if ours(c.Name) {
			n.add(who, "the image "+c.Image+", which it must be able to pull: nagi image save plane writes it, --plane-image names it")
		}
	}
	for _, v := range p.Volumes {
		if v.Image != nil {
			n.add(who, "volumes of images (Kubernetes 1.35, or the feature gate ImageVolume)")
		}
	}
	for _, c := range p.Containers {
		if c.Lifecycle != nil && c.Lifecycle.StopSignal != nil {
			n.add(who, "the feature gate ContainerStopSignals: without it the image's own stop signal is sent")
		}
	}
	if p.HostnameOverride != nil {
		n.add(who, "the feature gate HostnameOverride: without it the pod's own name is seen")
	}
	if p.HostPID || p.HostIPC || slices.ContainsFunc(p.Containers, privileged) {
		n.add(who, "a namespace that lets pods be privileged")
	}
}

// ours tells whether a container runs the image of nagi-plane.
func ours(container string) bool {
	return strings.HasPrefix(container, "nagi-") && !strings.HasPrefix(container, "nagi-seed")
}

func privileged(c corev1.Container) bool {
	return c.SecurityContext != nil && c.SecurityContext.Privileged != nil && *c.SecurityContext.Privileged
}
