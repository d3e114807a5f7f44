package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
)

// A logReader prints the logs of the pods of a stack.
type logReader struct {
	cluster   cluster
	namespace string
	selector  string
	ask       *logsCommand
	out       *logWriter
	every     time.Duration // between looks for new pods
}

func newReader(cl cluster, s *v1alpha1.Stack, c *logsCommand, io stdio) *logReader {
	selector := v1alpha1.StackLabel + "=" + s.Name
	if len(c.services) > 0 {
		selector += "," + v1alpha1.ServiceLabel + " in (" + strings.Join(c.services, ",") + ")"
	}
	return &logReader{
		cluster: cl, namespace: s.Namespace, selector: selector, ask: c, every: time.Second,
		out: &logWriter{
			w: io.Out, colour: colourful(io.Out), times: c.timestamps, bare: c.bare, json: c.output == "json",
			stack: s.Name, wanted: sieve{match: c.match, around: c.around},
		},
	}
}

// colourful tells whether to print colours to w: on a screen, unless the
// person said no (https://no-color.org).
func colourful(w io.Writer) bool { return terminal(w) && os.Getenv("NO_COLOR") == "" }

// A source is one container whose log is read.
type source struct {
	service, pod string
	container    string
	label        string // what stands before its lines
	started      time.Time
	running      bool
}

// sources lists the containers that have run, in the order of their pods.
func (r *logReader) sources(ctx context.Context) ([]source, error) {
	pods, err := r.cluster.CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{LabelSelector: r.selector})
	if err != nil {
		return nil, plain("list pods", err)
	}
	var all []source
	for _, p := range pods.Items {
		statuses := append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...)
		for _, s := range statuses {
			if t, ok := began(s); ok {
				all = append(all, source{
					service: p.Labels[v1alpha1.ServiceLabel], pod: p.Name, container: s.Name, label: podLabel(p, s.Name),
					started: t, running: s.State.Running != nil,
				})
			}
		}
	}
	return all, nil
}

// began returns when the last run of a container began, if it ever ran.
func began(s corev1.ContainerStatus) (time.Time, bool) {
	switch {
	case s.State.Running != nil:
		return s.State.Running.StartedAt.Time, true
	case s.State.Terminated != nil:
		return s.State.Terminated.StartedAt.Time, true
	case s.LastTerminationState.Terminated != nil:
		return s.LastTerminationState.Terminated.StartedAt.Time, true
	}
	return time.Time{}, false
}

// podLabel is the service, the part of the pod's name that tells replicas
// apart, and the container when it is not the main one.
func podLabel(p corev1.Pod, container string) string {
	service := p.Labels[v1alpha1.ServiceLabel]
	label := service
	if i := strings.LastIndexByte(p.Name, '-'); i >= 0 {
		label += p.Name[i:]
	}
	if len(p.Spec.Containers) > 0 && container != p.Spec.Containers[0].Name {
		label += "/" + container
	}
	return label
}

// print merges all logs by time. It holds one line of each at once.
func (r *logReader) print(ctx context.Context) error {
	sources, err := r.sources(ctx)
	if err != nil {
		return err
	}
	var heads []*logStream
	for _, s := range sources {
		body, err := r.open(ctx, s, r.ask.options(s.container))
		if err != nil && r.ask.previous {
			continue // it has not restarted
		}
		if err != nil {
			return err
		}
		defer body.Close() //nolint:errcheck // only read
		l := newStream(s, body)
		if l.next() {
			heads = append(heads, l)
		}
	}
	for len(heads) > 0 {
		i := oldest(heads)
		r.out.line(heads[i].source, heads[i].stamp, heads[i].text)
		if !heads[i].next() {
			heads = append(heads[:i], heads[i+1:]...)
		}
	}
	return nil
}

func (r *logReader) open(ctx context.Context, s source, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	body, err := r.cluster.CoreV1().Pods(r.namespace).GetLogs(s.pod, o).Stream(ctx)
	if err != nil {
		return nil, plain("read log of "+s.label, err)
	}
	return body, nil
}
