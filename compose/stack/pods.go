package stack

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
)

// A trouble is why a service, or one pod of it, is not ready.
type trouble struct {
	state, reason, message string
	wake                   time.Duration // when the same facts may mean something else
}

const (
	startGrace = 10 * time.Second // a started-again container that holds this long is up
	bindGrace  = 10 * time.Second // a volume or a node may still come
	mountGrace = 30 * time.Second // a missing mount may still come
	warnAfter  = 3 * time.Second  // from when on a silent pod is asked about
	keepsDying = 2                // so many restarts are no accident
)

// worst explains a service by the pod that is worst off.
func worst(pods []*corev1.Pod, s State, r rollout, sv v1alpha1.ServiceStatus) trouble {
	t := r.progress(sv)
	if r.done {
		t = trouble{state: v1alpha1.ServiceReady}
	}
	for _, p := range pods {
		if got := explain(p, sv.Name, s.Warnings[p.UID], s.Now); !r.done || got.reason == reasonRestarting {
			t = worse(t, got)
		}
	}
	if r.stuck != nil && t.state != v1alpha1.ServiceFailed {
		return *r.stuck
	}
	return t
}

// worse returns the trouble to tell of: that of b when both are alike and a is
// only the count of replicas.
func worse(a, b trouble) trouble {
	order := []string{"", v1alpha1.ServiceReady, v1alpha1.ServiceProgressing, v1alpha1.ServiceWaiting, v1alpha1.ServiceFailed}
	x, y := slices.Index(order, a.state), slices.Index(order, b.state)
	told := a
	if y > x || y == x && a.reason == v1alpha1.ReasonRollingOut {
		told = b
	}
	told.wake = sooner(a.wake, b.wake)
	return told
}

// podsOf returns the pods of a service that stay.
func podsOf(s State, name string) []*corev1.Pod {
	var mine []*corev1.Pod
	for _, p := range s.Pods {
		if runs(p, name) && p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded {
			mine = append(mine, p)
		}
	}
	slices.SortFunc(mine, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return mine
}

// explain says why a service does not serve in a pod; no state when nothing is
// wrong. Without a name it says so of the pod.
func explain(p *corev1.Pod, service, warning string, now time.Time) trouble {
	if t := unscheduled(p, now); t.state != "" {
		return t
	}
	t := containersTrouble(p, service, now)
	if warning != "" && t.state != v1alpha1.ServiceFailed && !ready(p) && (t.state != "" || len(ServicesOf(p)) == 1) {
		t = warned(p, t, warning, now)
	}
	if mute(p, t) {
		t.wake = sooner(t.wake, asksAgain(p, now))
	}
	return t
}

// containersTrouble explains a pod by its containers, in their order.
func containersTrouble(p *corev1.Pod, service string, now time.Time) (t trouble) {
	for _, c := range p.Status.InitContainerStatuses {
		var got trouble
		switch on := goesOn(p, c.Name); {
		case on && ofAnother(p, c.Name, service):
			got = notBegun(c)
		case on:
			if got = containerTrouble(c, now); got.state == "" && c.Name == service {
				return got
			}
		default:
			got = initTrouble(p, c, now)
		}
		if got.state != "" {
			return got
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		if got := containerTrouble(c, now); got.state != "" && !ofAnother(p, c.Name, service) {
			t = worse(t, got)
		}
	}
	return t
}

// unscheduled explains a pod that no node takes.
func unscheduled(p *corev1.Pod, now time.Time) trouble {
	for _, c := range p.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse {
			continue
		}
		t := trouble{state: v1alpha1.ServiceProgressing, reason: c.Reason, message: "no node takes it: " + c.Message}
		if left := bindGrace - now.Sub(c.LastTransitionTime.Time); left > 0 {
			t.wake = left
		} else {
			t.state = v1alpha1.ServiceFailed
		}
		return t
	}
	return trouble{}
}

// warned explains a pod by its newest warning: a mount that fails, a check
// that does not pass.
func warned(p *corev1.Pod, t trouble, warning string, now time.Time) trouble {
	t.message = warning
	if t.reason == "" || t.reason == reasonCreating {
		t = trouble{state: v1alpha1.ServiceProgressing, reason: "Warning", message: warning}
		if now.Sub(p.CreationTimestamp.Time) > mountGrace {
			t.state = v1alpha1.ServiceFailed
		}
	}
	return t
}

// mute tells whether only an event can say more about p than t does.
func mute(p *corev1.Pod, t trouble) bool {
	return !ready(p) && p.DeletionTimestamp == nil && p.Spec.NodeName != "" &&
		p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed &&
		t.state != v1alpha1.ServiceFailed && t.state != v1alpha1.ServiceWaiting
}

// silent tells whether to look for warnings about p: it does not serve, and
// does not say why.
func silent(p *corev1.Pod, now time.Time) bool {
	return mute(p, explain(p, "", "", now)) && now.Sub(p.CreationTimestamp.Time) > warnAfter
}

// asksAgain says when to look for new warnings about a mute pod: rarely, when
// it has been so for long.
func asksAgain(p *corev1.Pod, now time.Time) time.Duration {
	return min(max(now.Sub(p.CreationTimestamp.Time)/4, warnAfter+time.Second), time.Minute)
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// address prints one published port: "127.0.0.1:8080", "127.0.0.1:53/udp".
func address(in corev1.LoadBalancerIngress, p corev1.ServicePort) string {
	host := in.IP
	if host == "" {
		host = in.Hostname
	}
	at := net.JoinHostPort(host, strconv.Itoa(int(p.Port)))
	if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
		return at
	}
	return fmt.Sprintf("%s/%s", at, strings.ToLower(string(p.Protocol)))
}
