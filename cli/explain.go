package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose/stack"
)

// An explainer says why services are not ready and how to look further.
type explainer struct {
	io      stdio
	cluster cluster
	stack   v1alpha1.Stack
}

// explain prints one paragraph a service and returns the error of all.
func (e explainer) explain(ctx context.Context, services []v1alpha1.ServiceStatus, when string) error {
	ctx = context.WithoutCancel(ctx)
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
		if s.State != v1alpha1.ServiceWaiting || len(services) == 1 {
			e.service(ctx, s)
		}
	}
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	return fmt.Errorf("%s %s not ready%s; nagi logs -p %s and nagi events -n %s tell more",
		strings.Join(names, ", "), verb, when, e.stack.Name, e.stack.Namespace)
}

func (e explainer) service(ctx context.Context, s v1alpha1.ServiceStatus) {
	e.io.note("\n%s: %d of %d ready: %s", s.Name, s.Ready, s.Wanted, dash(because(s.Reason, s.Message)))
	if slices.Contains(pulling, s.Reason) { // nothing has run, and events only repeat the reason
		e.io.note("  bring the image with: docker save %s | sudo nagi image import -", s.Image)
		return
	}
	pod := e.sick(ctx, cmp.Or(s.Host, s.Name))
	if pod == nil {
		return
	}
	if container, previous := speaker(*pod, s.Name); container != "" {
		for _, l := range e.lastWords(ctx, pod.Name, container, previous) {
			e.io.note("  | %s", l)
		}
	}
	if w := e.cluster.lastWarning(ctx, pod.Namespace, pod.Name); w != "" {
		e.io.note("  %s", w)
	}
}

// pulling are the reasons of an image that is not here.
var pulling = []string{"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"}

// sick returns the newest pod of a service that is not ready.
func (e explainer) sick(ctx context.Context, service string) *corev1.Pod {
	pods, err := e.cluster.CoreV1().Pods(e.stack.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: v1alpha1.StackLabel + "=" + e.stack.Name + "," + v1alpha1.ServiceLabel + "=" + service,
	})
	if err != nil {
		return nil
	}
	all := slices.DeleteFunc(pods.Items, podReady)
	if len(all) == 0 {
		return nil
	}
	newest := slices.MaxFunc(all, func(a, b corev1.Pod) int {
		return cmp.Compare(a.CreationTimestamp.Unix(), b.CreationTimestamp.Unix())
	})
	return &newest
}

func podReady(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// speaker picks the container whose last words matter for a service, and whether
// those are of the run before; "" when none has run.
func speaker(p corev1.Pod, service string) (container string, previous bool) {
	all := slices.DeleteFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.Name != service && slices.Contains(stack.ServicesOf(&p), s.Name)
	})
	for _, s := range all {
		if s.State.Terminated != nil && s.State.Terminated.ExitCode != 0 {
			return s.Name, false
		}
		if s.State.Waiting != nil && s.LastTerminationState.Terminated != nil {
			return s.Name, true
		}
	}
	for _, s := range all {
		if s.State.Running != nil && !s.Ready {
			return s.Name, false
		}
	}
	return "", false
}

func (e explainer) lastWords(ctx context.Context, pod, container string, previous bool) []string {
	n := int64(10)
	o := &corev1.PodLogOptions{Container: container, Previous: previous, TailLines: &n}
	body, err := e.cluster.CoreV1().Pods(e.stack.Namespace).GetLogs(pod, o).Stream(ctx)
	if err != nil {
		return nil
	}
	defer body.Close() //nolint:errcheck // only read
	return tailOf(body, int(n))
}

// lastWarning is the newest warning about an object; "" when there is none.
func (c cluster) lastWarning(ctx context.Context, namespace, name string) string {
	list, err := c.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.name": name, "type": corev1.EventTypeWarning}.String(),
	})
	if err != nil || len(list.Items) == 0 {
		return ""
	}
	e := slices.MaxFunc(list.Items, func(a, b corev1.Event) int { return happened(a).Compare(happened(b)) })
	return because(e.Reason, e.Message)
}
