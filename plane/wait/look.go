package wait

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kinds says where the API keeps each kind.
var kinds = map[string]request{
	"deployment": {path: "/apis/apps/v1", kind: "deployments"},
	"daemonset":  {path: "/apis/apps/v1", kind: "daemonsets"},
	"job":        {path: "/apis/batch/v1", kind: "jobs"},
}

// The parts of the API's objects that wait reads.
type (
	listMeta struct {
		ResourceVersion string
	}
	workloads struct {
		Metadata listMeta
		Items    []workload
	}
	workload struct {
		Spec struct {
			Selector struct{ MatchLabels map[string]string }
		}
		Status struct {
			Conditions []condition
		}
	}
	condition struct {
		Type, Status, Reason, Message string
	}
	pods struct {
		Metadata listMeta
		Items    []pod
	}
	pod struct {
		Metadata struct{ DeletionTimestamp string }
		Spec     struct{ Containers []struct{} }
		Status   struct {
			Conditions            []condition
			ContainerStatuses     []containerStatus
			InitContainerStatuses []containerStatus
		}
	}
	containerStatus struct {
		Name  string
		Ready bool
		State struct {
			Running    *struct{}
			Waiting    *struct{ Reason string }
			Terminated *struct{ ExitCode int }
		}
	}
)

// look reads the workload and its pods. next is what to watch for a change:
// the pods when they decide, otherwise the workload.
func (c *client) look(ctx context.Context, t Target) (s State, next request, err error) {
	next = kinds[t.Kind]
	next.query = url.Values{"fieldSelector": {"metadata.name=" + t.Name}}
	var found workloads
	if err := c.list(ctx, next, &found); err != nil {
		return s, next, err
	}
	if len(found.Items) == 0 {
		return s, from(next, found.Metadata), nil
	}
	w := found.Items[0]
	s = State{Found: true, Succeeded: w.holds("Complete") != nil, Failed: w.failure()}
	if t.Condition == Completed && (s.Succeeded || s.Failed != "") {
		return s, next, nil
	}
	podsOf := request{path: "/api/v1", kind: "pods", query: url.Values{"labelSelector": {selector(w.Spec.Selector.MatchLabels)}}}
	var seen pods
	if err := c.list(ctx, podsOf, &seen); err != nil {
		return s, next, err
	}
	for _, p := range seen.Items {
		s.Pods = append(s.Pods, p.summary(t.Container))
	}
	if t.Condition == Completed {
		return s, from(next, found.Metadata), nil
	}
	return s, from(podsOf, seen.Metadata), nil
}

// from makes a list request into the watch that goes on where the list ended.
func from(r request, m listMeta) request {
	q := url.Values{"watch": {"true"}, "resourceVersion": {m.ResourceVersion}, "timeoutSeconds": {strconv.Itoa(int(watchFor.Seconds()))}}
	for k, v := range r.query {
		q[k] = v
	}
	r.query = q
	return r
}

// selector writes labels as a label selector, in a fixed order.
func selector(labels map[string]string) string {
	var all []string
	for k, v := range labels {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

func (w workload) holds(kind string) *condition {
	return holds(w.Status.Conditions, kind)
}

func (w workload) failure() string {
	c := w.holds("Failed")
	if c == nil {
		return ""
	}
	return strings.TrimSuffix(fmt.Sprintf("it failed: %s: %s", cmp.Or(c.Reason, "no reason given"), c.Message), ": ")
}

func holds(all []condition, kind string) *condition {
	i := slices.IndexFunc(all, func(c condition) bool { return c.Type == kind && c.Status == "True" })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// summary is what counts of a pod, or of one of its containers, which may be one
// that goes on among those that begin first.
func (p pod) summary(container string) Pod {
	if container != "" {
		all := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
		i := slices.IndexFunc(all, func(c containerStatus) bool { return c.Name == container })
		if i < 0 {
			return Pod{Leaving: p.Metadata.DeletionTimestamp != "", Trouble: p.trouble()}
		}
		return Pod{Started: all[i].State.Running != nil, Ready: all[i].Ready, Leaving: p.Metadata.DeletionTimestamp != "", Trouble: p.trouble()}
	}
	running := 0
	for _, c := range p.Status.ContainerStatuses {
		if t := c.State.Terminated; c.State.Running != nil || t != nil && t.ExitCode == 0 {
			running++
		}
	}
	return Pod{
		Started: running > 0 && running == len(p.Spec.Containers),
		Ready:   holds(p.Status.Conditions, "Ready") != nil,
		Leaving: p.Metadata.DeletionTimestamp != "",
		Trouble: p.trouble(),
	}
}

// trouble is the first reason of a container that waits for more than its turn.
func (p pod) trouble() string {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && !slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, w.Reason) {
			return w.Reason
		}
	}
	return ""
}

// watchFor bounds one watch. After it, wait looks again, which also finds a
// workload that was made anew with another selector.
const watchFor = time.Minute

// errExpired ends a watch that has to start from a new list.
var errExpired = errors.New("the watch expired")

// change returns at the first change of what r watches, or after watchFor.
func (c *client) change(ctx context.Context, r request) error {
	ctx, cancel := context.WithTimeout(ctx, watchFor+10*time.Second)
	defer cancel()
	body, err := c.open(ctx, r)
	if e, ok := errors.AsType[errStatus](err); ok && e.code == http.StatusGone {
		return errExpired
	}
	if err != nil {
		return err
	}
	defer body.Close()
	var event struct {
		Type   string
		Object struct {
			Code    int
			Message string
		}
	}
	began := time.Now()
	err = json.NewDecoder(body).Decode(&event)
	switch {
	case err != nil && time.Since(began) < time.Second:
		return fmt.Errorf("watch %s: the API server ended it at once: %w", r.kind, err)
	case err == nil && event.Object.Code == http.StatusGone:
		return errExpired
	case err == nil && event.Type == "ERROR":
		return fmt.Errorf("watch %s: %s", r.kind, event.Object.Message)
	}
	return nil // a change, or the end of the watch: look again
}
