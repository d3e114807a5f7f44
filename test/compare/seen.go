package main

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/compose"
	"nagi.dev/test/compare/look"
)

// Seen is what runs, on either side, by the file's names of services.
type seen struct {
	machine *machine
	side    side
	app     *application
	pods    map[string][]pod
}

// A pod is one pod of a service and what its stand-in tells.
type pod struct {
	corev1.Pod
	main  corev1.Container
	state corev1.ContainerStatus
	facts *look.Facts // nil: it never ran, or says nothing
	open  time.Time
}

// find lists the pods of the side, by service.
func (s *machine) find(ctx context.Context, a *application, side side) (*seen, error) {
	list, err := s.client.CoreV1().Pods(side.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	out := &seen{machine: s, side: side, app: a, pods: map[string][]pod{}}
	for key := range a.project.Services {
		for _, p := range list.Items {
			if p.DeletionTimestamp == nil && sameName(p.Labels[side.label], key) {
				out.pods[key] = append(out.pods[key], newPod(p, a.images[key]))
			}
		}
	}
	return out, nil
}

// sameName compares a label with a service, whatever either side makes of
// letters that a name of Kubernetes may not have.
func sameName(label, service string) bool {
	plain := strings.NewReplacer("_", "-", ".", "-")
	return label != "" && (label == compose.ObjectName(service) || strings.EqualFold(plain.Replace(label), plain.Replace(service)))
}

func newPod(p corev1.Pod, image string) pod {
	out := pod{Pod: p, main: p.Spec.Containers[0]}
	for _, c := range p.Spec.Containers {
		if fullName(c.Image) == fullName(image) {
			out.main = c
			break
		}
	}
	for _, st := range p.Status.ContainerStatuses {
		if st.Name == out.main.Name {
			out.state = st
		}
	}
	return out
}

// settled says whether a pod is as ready as it gets: Ready, or ended well.
func (p pod) settled() bool {
	if p.Status.Phase == corev1.PodSucceeded {
		return true
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// why says what keeps a pod from being ready.
func (p pod) why() string {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, st := range list {
			if w := st.State.Waiting; w != nil && w.Reason != "PodInitializing" {
				return strings.TrimSpace(w.Reason + " " + firstLine(w.Message))
			}
			if t := st.State.Terminated; t != nil && t.ExitCode != 0 {
				return "ended: " + t.Reason
			}
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Status != corev1.ConditionTrue && c.Type == corev1.PodScheduled {
			return c.Reason + ": " + c.Message
		}
	}
	return string(p.Status.Phase) + ", not ready"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > 160 {
		line = line[:160] + "…"
	}
	return line
}

// missing lists the services that are not ready, and why.
func (o *seen) missing() map[string]string {
	out := map[string]string{}
	for key, s := range o.app.project.Services {
		want, ready := s.GetScale(), 0
		reason := "no pod"
		for _, p := range o.pods[key] {
			if p.settled() {
				ready++
			} else {
				reason = p.why()
			}
		}
		if ready < want {
			out[key] = reason
		}
	}
	return out
}

// listen reads what the stand-ins tell.
func (o *seen) listen(ctx context.Context) {
	for _, pods := range o.pods {
		for i := range pods {
			p := &pods[i]
			if !p.open.IsZero() {
				continue
			}
			req := o.machine.client.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: p.main.Name})
			log, err := req.Stream(ctx)
			if err != nil {
				continue // it never ran: nothing is told
			}
			p.facts, p.open = look.Read(log)
			_ = log.Close()
		}
	}
}

// reaches says of each address, "host:port", whether a connection from the pod
// is answered. nil: the pod could not be asked.
func (o *seen) reaches(ctx context.Context, p pod, addresses ...string) map[string]bool {
	command := []string{o.machine.nagi, "kubectl", "exec", "-n", p.Namespace, p.Name, "-c", p.main.Name, "--", "/.standin", "dial"}
	code, said := o.machine.in(ctx, "/", append(command, addresses...)...)
	if code != 0 {
		return nil
	}
	out := map[string]bool{}
	for line := range strings.Lines(said) {
		if words := strings.Fields(line); len(words) > 1 {
			out[words[0]] = words[1] == "yes"
		}
	}
	return out
}
