package stack

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
)

// The reasons of ours that Kubernetes has no word for.
const (
	reasonRestarting = "Restarting"       // it ended and was started again
	reasonUnhealthy  = "Unhealthy"        // its health check does not pass
	reasonDependency = "DependencyFailed" // what it waits for will not come
	reasonWaiting    = "WaitingForDependency"
	reasonCreating   = "ContainerCreating"
	reasonFiles      = "WaitingForFiles" // that were changed since its image was made
)

// waiter is the name of the init container that waits for other services.
const waiter = "nagi-wait"

// pulling are the reasons of a container whose image is not there.
var pulling = []string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"}

// initTrouble explains a pod whose init container c is not done.
func initTrouble(p *corev1.Pod, c corev1.ContainerStatus, now time.Time) trouble {
	if !waits(c.Name) {
		if done := c.State.Terminated; done != nil && done.ExitCode == 0 {
			return trouble{}
		}
		if strings.HasPrefix(c.Name, compose.Syncer) && c.State.Running != nil {
			return trouble{state: v1alpha1.ServiceProgressing, reason: reasonFiles, message: "waits for the files of nagi deploy --watch"}
		}
		return containerTrouble(c, now)
	}
	if end := ended(c); end != nil && end.ExitCode != 0 && c.State.Running == nil {
		return trouble{state: v1alpha1.ServiceFailed, reason: reasonDependency, message: waitFailed(p, c.Name, end)}
	}
	if c.State.Running != nil {
		return trouble{state: v1alpha1.ServiceWaiting, reason: reasonWaiting, message: "waits until " + awaited(p, c.Name)}
	}
	if c.State.Waiting != nil {
		return containerTrouble(c, now)
	}
	return trouble{}
}

func waitFailed(p *corev1.Pod, waiter string, end *corev1.ContainerStateTerminated) string {
	if why := lastLine(end.Message); why != "" {
		return why
	}
	return "waited in vain until " + awaited(p, waiter)
}

// waits tells whether an init container waits for other services. In a pod of
// several services its name has that of the one for which it does.
func waits(container string) bool {
	return container == waiter || strings.HasPrefix(container, waiter+"-")
}

// awaited reads from the arguments of a waiter what it waits for: "db is
// healthy and migrate is completed".
func awaited(p *corev1.Pod, waiter string) string {
	var all []string
	for _, c := range p.Spec.InitContainers {
		if c.Name != waiter {
			continue
		}
		for _, arg := range slices.Concat(c.Command, c.Args) {
			arg = strings.TrimPrefix(arg, "--for=")
			what, state, ok := strings.Cut(arg, "=")
			if _, name, slash := strings.Cut(what, "/"); ok && slash && !strings.HasPrefix(arg, "-") {
				all = append(all, name+" is "+state)
			}
		}
	}
	return strings.Join(all, " and ")
}

// containerTrouble explains a container that does not run as it should.
func containerTrouble(c corev1.ContainerStatus, now time.Time) trouble {
	switch {
	case c.State.Waiting != nil:
		return waitingTrouble(c, c.State.Waiting)
	case c.State.Terminated != nil:
		return restarting(c, c.State.Terminated, 0)
	case c.State.Running != nil:
		return runningTrouble(c, now)
	}
	return trouble{}
}

func waitingTrouble(c corev1.ContainerStatus, w *corev1.ContainerStateWaiting) trouble {
	failed := trouble{state: v1alpha1.ServiceFailed, reason: w.Reason}
	switch {
	case slices.Contains(pulling, w.Reason):
		failed.message = fmt.Sprintf("image %s cannot be pulled: %s", c.Image, w.Message)
	case w.Reason == "CrashLoopBackOff":
		failed.message = crashes(c, c.LastTerminationState.Terminated)
	case strings.HasSuffix(w.Reason, "Error"):
		failed.message = fmt.Sprintf("container %s cannot start: %s", c.Name, w.Message)
	case c.LastTerminationState.Terminated != nil:
		return restarting(c, c.LastTerminationState.Terminated, 0)
	default:
		return trouble{state: v1alpha1.ServiceProgressing, reason: reasonCreating, message: "is being created"}
	}
	return failed
}

// runningTrouble explains a container that runs and does not serve, or that
// runs again since a moment only.
func runningTrouble(c corev1.ContainerStatus, now time.Time) trouble {
	last := c.LastTerminationState.Terminated
	left := startGrace - now.Sub(c.State.Running.StartedAt.Time)
	switch {
	case last != nil && !(c.Ready && lasted(last)) && (left > 0 || !c.Ready):
		return restarting(c, last, max(left, 0))
	case c.Ready:
		return trouble{}
	case c.Started != nil && !*c.Started:
		return trouble{state: v1alpha1.ServiceProgressing, reason: reasonUnhealthy, message: "its health check has not passed yet"}
	}
	return trouble{state: v1alpha1.ServiceProgressing, reason: reasonUnhealthy, message: "its health check does not pass"}
}

// lasted tells of a container that had run for a while when it ended, as all
// do when a server is stopped: that is no crash loop.
func lasted(end *corev1.ContainerStateTerminated) bool {
	return end.FinishedAt.Sub(end.StartedAt.Time) >= startGrace
}

// restarting explains a container that ended: once is a start with a hitch,
// again and again is a failure.
func restarting(c corev1.ContainerStatus, end *corev1.ContainerStateTerminated, left time.Duration) trouble {
	t := trouble{state: v1alpha1.ServiceProgressing, reason: reasonRestarting, message: crashes(c, end), wake: left}
	if c.RestartCount >= keepsDying {
		t.state = v1alpha1.ServiceFailed
	}
	return t
}

// crashes says how a container ended last.
func crashes(c corev1.ContainerStatus, end *corev1.ContainerStateTerminated) string {
	text := "ended"
	switch {
	case end == nil:
	case end.Reason == "OOMKilled":
		text = "was killed for its memory: it needs more than its limit"
	case end.Signal != 0:
		text = fmt.Sprintf("ended by signal %d", end.Signal)
	default:
		text = fmt.Sprintf("exited with code %d", end.ExitCode)
	}
	switch {
	case c.RestartCount == 1:
		text += ", restarted once"
	case c.RestartCount > 1:
		text += fmt.Sprintf(", restarted %d times", c.RestartCount)
	}
	if end != nil && end.Message != "" {
		text += ": " + lastLine(end.Message)
	}
	return text
}

// lastLine returns the last words of a container.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return shorten(text[strings.LastIndexByte(text, '\n')+1:], 300)
}

// ended returns how c ended last, if ever.
func ended(c corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if c.State.Terminated != nil {
		return c.State.Terminated
	}
	return c.LastTerminationState.Terminated
}
