package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
	"nagi.dev/compose/stack"
	"nagi.dev/compose/watch"
)

// stay applies d, and watches until ctx ends. Only what keeps it from watching
// at all is an error: a service that does not come up may do so after a change.
func (c *deployCommand) stay(ctx context.Context, io stdio, cl cluster, d *deployment, p *compose.Project, triggers []compose.Trigger) error {
	generation, err := d.apply(ctx, cl)
	if err != nil {
		return err
	}
	watching := make(chan error, 1)
	go func() {
		watching <- watch.Run(ctx, watch.Options{
			Triggers: triggers,
			Pods:     watchedPods{cluster: cl, stack: d.stack(), services: watchedServices(p)},
			Build:    c.rebuilder(io, cl, p, d),
			Say: func(format string, args ...any) {
				io.note("%s  %s", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
			},
		})
	}()
	switch err := c.await(ctx, io, cl, d, generation); {
	case ctx.Err() != nil:
		return <-watching
	case err != nil:
		io.note("deploy: %v", err)
	}
	io.note("Watching for changes; Ctrl-C ends it.")
	return <-watching
}

// rebuilder returns what makes an image anew and lets its service roll; nil
// when no service is built here. What did not change comes from the cache.
func (c *deployCommand) rebuilder(io stdio, cl cluster, p *compose.Project, d *deployment) func(context.Context, string) error {
	if builds, err := compose.Builds(p); err != nil || len(builds) == 0 {
		return nil
	}
	return func(ctx context.Context, _ string) error {
		next, err := c.built(ctx, io, p, d)
		if err != nil {
			return err
		}
		_, err = next.apply(ctx, cl)
		return err
	}
}

// watchedServices holds the services by the name of their objects.
func watchedServices(p *compose.Project) map[string]types.ServiceConfig {
	all := map[string]types.ServiceConfig{}
	for name, s := range p.Services {
		if s.Develop != nil {
			all[compose.ObjectName(name)] = s
		}
	}
	return all
}

// watchedPods are the pods of a stack, as watching sees them.
type watchedPods struct {
	cluster
	stack    *v1alpha1.Stack
	services map[string]types.ServiceConfig
}

func (w watchedPods) list(ctx context.Context) ([]corev1.Pod, error) {
	pods, err := w.CoreV1().Pods(w.stack.Namespace).List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.StackLabel + "=" + w.stack.Name})
	if err != nil {
		return nil, plain("list pods", err)
	}
	return pods.Items, nil
}

// Pods lists the pods of the watched services that stay.
func (w watchedPods) Pods(ctx context.Context) ([]watch.Pod, error) {
	pods, err := w.list(ctx)
	if err != nil {
		return nil, err
	}
	var all []watch.Pod
	for _, p := range pods {
		for _, service := range stack.ServicesOf(&p) {
			if _, ok := w.services[service]; ok && p.DeletionTimestamp == nil {
				all = append(all, watchedPod(p, service))
			}
		}
	}
	return all, nil
}

func watchedPod(p corev1.Pod, service string) watch.Pod {
	out := watch.Pod{Name: p.Name, UID: string(p.UID) + "/" + service, Service: service, Gates: compose.SyncerOf(service, p.Labels[v1alpha1.ServiceLabel])}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case s.State.Running == nil:
		case s.Name == out.Gates:
			out.Gate = true
		case s.Name == service:
			out.Running = s.ContainerID
		}
	}
	return out
}

func (w watchedPods) Receive(ctx context.Context, p watch.Pod, files io.Reader) error {
	container := p.Service
	if p.Gate {
		container = p.Gates
	}
	_, err := w.exec(ctx, p.Name, container, compose.ReceiveCommand(w.services[p.Service], p.Gate), files)
	return err
}

func (w watchedPods) Exec(ctx context.Context, p watch.Pod, command []string) (string, error) {
	return w.exec(ctx, p.Name, p.Service, command, nil)
}

// maxOutput bounds what is kept of what a command prints.
const maxOutput = 64 << 10

// exec runs a command in a container. What it complains of is the error.
func (w watchedPods) exec(ctx context.Context, pod, container string, command []string, in io.Reader) (string, error) {
	r := w.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(w.stack.Namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdin: in != nil, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	e, err := remotecommand.NewWebSocketExecutor(w.config, "GET", r.URL().String())
	if err != nil {
		return "", fmt.Errorf("reach container %s: %w", container, err)
	}
	var out, complaint bytes.Buffer
	err = e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: bounded{&out}, Stderr: bounded{&complaint}})
	if said := strings.TrimSpace(complaint.String()); err != nil && said != "" {
		err = errors.New(said)
	}
	return out.String(), err
}

// bounded keeps the first maxOutput bytes.
type bounded struct{ to *bytes.Buffer }

func (b bounded) Write(p []byte) (int, error) {
	b.to.Write(p[:min(len(p), max(0, maxOutput-b.to.Len()))])
	return len(p), nil
}

// Restart deletes the pods of a service: new ones begin at once, and get what
// has changed before they start.
func (w watchedPods) Restart(ctx context.Context, service string) error {
	pods, err := w.list(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pods {
		if p.DeletionTimestamp != nil || !slices.Contains(stack.ServicesOf(&p), service) {
			continue
		}
		err := w.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(p.UID))})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			errs = append(errs, fmt.Errorf("delete pod %s: %w", p.Name, err))
		}
	}
	return errors.Join(errs...)
}
