package stack

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
)

// ServicesOf names the services that run in a pod, or in the pods of a
// workload: first the one they belong to, then those that joined it, by name.
func ServicesOf(o Object) []string {
	var joined []string
	for label := range o.GetLabels() {
		if name, ok := strings.CutPrefix(label, v1alpha1.JoinedPrefix); ok {
			joined = append(joined, name)
		}
	}
	slices.Sort(joined)
	return append([]string{serviceName(o)}, joined...)
}

// runs tells whether a service runs in a pod.
func runs(p *corev1.Pod, service string) bool {
	_, joined := p.Labels[v1alpha1.JoinedPrefix+service]
	return joined || p.Labels[v1alpha1.ServiceLabel] == service
}

// ofAnother tells whether a container is that of another service of the pod.
func ofAnother(p *corev1.Pod, container, service string) bool {
	return container != service && service != "" && slices.Contains(ServicesOf(p), container)
}

// goesOn tells whether an init container is a service that runs on while what
// comes after it begins.
func goesOn(p *corev1.Pod, container string) bool {
	return slices.ContainsFunc(p.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == container && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

// notBegun explains a service whose container begins after that of another in
// the same pod.
func notBegun(c corev1.ContainerStatus) trouble {
	if c.Started != nil && *c.Started {
		return trouble{}
	}
	return trouble{state: v1alpha1.ServiceWaiting, reason: reasonWaiting, message: fmt.Sprintf("waits until %s is up, in whose pod it runs", c.Name)}
}

// readyIn counts the pods in which the container of a service is ready.
func readyIn(pods []*corev1.Pod, service string) (n int32) {
	for _, p := range pods {
		if slices.ContainsFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(c corev1.ContainerStatus) bool {
			return c.Name == service && c.Ready
		}) {
			n++
		}
	}
	return n
}

// alone is how a service of several in a pod is, whatever the others are.
func (r rollout) alone(pods []*corev1.Pod, sv *v1alpha1.ServiceStatus) rollout {
	sv.Ready = readyIn(pods, sv.Name)
	if r.replaced && sv.Ready >= sv.Wanted {
		r.done, r.stuck = true, nil
	}
	return r
}

// together names the services that ran in the pods of a service at a revision.
func (r Revision) together(service string) []string {
	var all []string
	for name, hash := range r.Templates {
		if hash == r.Templates[service] {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
