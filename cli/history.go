package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
	"nagi.dev/compose/stack"
	"nagi.dev/kube"
)

// A past is one accepted file of a stack.
type past struct {
	stack.Revision
	spec  v1alpha1.StackSpec
	cause string
}

// pastOf finds a stack and the files of it that are kept.
func (a *app) pastOf(ctx context.Context, f clusterFlags, name, namespace string) (cl cluster, s *v1alpha1.Stack, all []past, err error) {
	if cl, err = a.dial(f); err != nil {
		return cl, nil, nil, err
	}
	if s, err = cl.stackFor(ctx, name, namespace); err != nil {
		return cl, nil, nil, err
	}
	all, err = cl.past(ctx, s)
	return cl, s, all, err
}

// past returns the files of a stack that are kept, the oldest first.
func (c cluster) past(ctx context.Context, s *v1alpha1.Stack) ([]past, error) {
	var l appsv1.ControllerRevisionList
	if err := c.objects.List(ctx, &l, kube.InNamespace(s.Namespace), kube.MatchingLabels{v1alpha1.StackLabel: s.Name}); err != nil {
		return nil, plain("list revisions", err)
	}
	var objs []stack.Object
	for i := range l.Items {
		objs = append(objs, &l.Items[i])
	}
	var all []past
	for _, r := range stack.RevisionsOf(s, objs...) {
		spec, err := stack.SpecOf(r.Object.(*appsv1.ControllerRevision)) // it is one of l
		if err != nil {
			return nil, err
		}
		all = append(all, past{Revision: r, spec: spec, cause: r.Object.GetAnnotations()[v1alpha1.CauseAnnotation]})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("stack %s: no file has been accepted yet; nagi ps %s shows why", s.Name, s.Name)
	}
	return all, nil
}

// A historyRow is one revision in the stable output of nagi history -o json.
type historyRow struct {
	Revision int64     `json:"revision"`
	Current  bool      `json:"current"`
	Accepted time.Time `json:"accepted"`
	Changed  []string  `json:"changed,omitempty"` // services; +NAME came, -NAME went, files: contents
	Note     string    `json:"note,omitempty"`
}

// historyRows lists revisions, the newest first.
func historyRows(all []past) []historyRow {
	rows := make([]historyRow, 0, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		p := all[i]
		r := historyRow{Revision: p.Number, Current: i == len(all)-1, Accepted: p.Created, Note: p.note()}
		if i > 0 {
			changed, err := compose.Changes(all[i-1].spec, p.spec)
			if err != nil {
				changed = []string{"?"} // a file of another version of Nagi
			}
			r.Changed = changed
		}
		rows = append(rows, r)
	}
	return rows
}

// note says why a revision came to be, and what went wrong with it.
func (p past) note() string {
	var words []string
	if p.cause != "" {
		words = append(words, p.cause)
	}
	return strings.Join(append(words, p.Failures()...), "; ")
}

// failed tells whether the update of a service to p failed; "": of any.
func (p past) failed(service string) bool {
	if service == "" {
		return len(p.Failures()) > 0
	}
	return p.Outcomes[service].Failed()
}
