package cli

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose/stack"
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
	return &logReader{
		cluster: cl, namespace: s.Namespace, selector: v1alpha1.StackLabel + "=" + s.Name, ask: c, every: time.Second,
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
		for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
			service := speaksFor(p, s.Name)
			if t, ok := began(s); ok && (len(r.ask.services) == 0 || slices.Contains(r.ask.services, service)) {
				all = append(all, source{
					service: service, pod: p.Name, container: s.Name, label: podLabel(p, service, s.Name),
					started: t, running: s.State.Running != nil,
				})
			}
		}
	}
	return all, nil
}

// speaksFor returns the service to which a container of a pod belongs: the one
// of its name, or whose hook or helper it is; else the one that has the pod.
func speaksFor(p corev1.Pod, container string) string {
	all := stack.ServicesOf(&p)
	for _, service := range all[1:] {
		if container == service || strings.HasPrefix(container, service+"-pre-start-") || strings.HasPrefix(container, "nagi-") && strings.HasSuffix(container, "-"+service) {
			return service
		}
	}
	return all[0]
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
// apart, and the container when it is not the service's own.
func podLabel(p corev1.Pod, service, container string) string {
	label := service
	if i := strings.LastIndexByte(p.Name, '-'); i >= 0 {
		label += p.Name[i:]
	}
	if container != service {
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
