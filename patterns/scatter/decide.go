package scatter

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/verdict"
	"nagi.dev/plane/config"
)

// State is everything that Decide may look at.
type State struct {
	Service *v1alpha1.ScatterGather
	World   endpoints.World // of its namespace
	Routers int32           // that are ready
	Door    graft.Door
}

// A Plan is what to do next, and how it is.
type Plan struct {
	Objects   []object // as they are wanted
	Document  *config.Config
	Endpoints v1alpha1.EndpointsStatus // the leaves
	Verdict   verdict.Verdict
}

// Decide compares what is asked with what is seen.
func Decide(s State) Plan {
	if s.Service.DeletionTimestamp != nil {
		return Plan{}
	}
	p := Plan{Objects: objects(s.Service, s.Door)}
	doc, missing := document(s, &p.Endpoints)
	if err := doc.Validate(); err != nil && missing == nil {
		p.Verdict = stalled(v1alpha1.ReasonDocument, oneLine(err))
		return p
	} else if err == nil {
		p.Document = doc
	}
	p.Verdict = judge(s, p.Endpoints, missing)
	return p
}

func stalled(reason, message string) verdict.Verdict {
	return verdict.Verdict{Stalled: true, Reason: reason, Message: message}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// A leaf is one pool, and whether somebody of it can answer.
type leaf struct {
	name      string
	endpoints []config.Endpoint
	ready     bool
}

// leaves of one target.
func leaves(w endpoints.World, i int, t v1alpha1.Target) ([]leaf, error) {
	switch {
	case t.StatefulSet != "":
		shards, err := w.StatefulSet(t.StatefulSet, t.Port)
		var all []leaf
		for _, e := range shards {
			all = append(all, leaf{e.Name, []config.Endpoint{{Name: e.Name, Address: e.Address}}, e.Ready})
		}
		return all, err
	case t.Service != "":
		es, err := w.Service(t.Service, t.Port)
		l := leaf{name: t.Service, endpoints: []config.Endpoint{}}
		for _, e := range es {
			l.endpoints = append(l.endpoints, config.Endpoint{Address: e.Address, Drain: e.Drain})
			l.ready = l.ready || e.Ready
		}
		return []leaf{l}, err
	}
	return []leaf{{fmt.Sprintf("leaf-%d", i), []config.Endpoint{{Address: t.Address}}, true}}, nil
}

// document is what the routers run. A target that is not there is an error; a
// Service among the leaves that is missing is a leaf without endpoints, so
// that the coverage tells of it.
func document(s State, count *v1alpha1.EndpointsStatus) (*config.Config, error) {
	spec := s.Service.Spec
	m := spec.Merge
	sc := &config.Scatter{
		Deadline: duration(spec.Deadline), MinCoverage: float64(spec.MinCoverage) / 100,
		Merge: config.Merge{Builtin: m.Builtin, Path: m.Path, By: m.By, Limit: int(m.Limit)},
	}
	c := &config.Config{}
	var errs []error
	for i, asked := range spec.Leaves {
		found, err := leaves(s.World, i, asked.Target)
		errs = append(errs, err)
		for _, l := range found {
			count.Known++
			if l.ready {
				count.Ready++
			}
			c.Pools = append(c.Pools, config.Pool{Name: l.name, Endpoints: l.endpoints})
			sc.Leaves = append(sc.Leaves, config.Leaf{Name: l.name, Pool: l.name, Weight: float64(asked.Weight)})
		}
	}
	r := config.Route{Scatter: sc}
	if h := spec.Hedge; h != nil {
		r.Hedge = &config.Hedge{After: duration(h.After), Budget: float64(h.Budget)}
	}
	c.Listeners = []config.Listener{{Name: "front", Address: fmt.Sprintf(":%d", listen), Protocol: config.HTTP, Routes: []config.Route{r}}}
	return c, errors.Join(errs...)
}

// duration of a spec, which the API server checked.
func duration(text string) config.Duration {
	d, _ := time.ParseDuration(text)
	return config.Duration(d)
}

func judge(s State, count v1alpha1.EndpointsStatus, missing error) verdict.Verdict {
	want := cmp.Or(s.Service.Spec.Routers, 2)
	switch {
	case missing != nil:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonTarget, Message: oneLine(missing)}
	case count.Ready == 0:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonNoEndpoints, Message: "no leaf can answer"}
	case s.Routers == 0:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonStarting, Message: "no router is ready yet"}
	case s.Routers < want:
		return verdict.Verdict{Ready: true, Progressing: true, Reason: v1alpha1.ReasonStarting, Message: fmt.Sprintf("%d of %d routers are ready", s.Routers, want)}
	case count.Ready < count.Known:
		return verdict.Verdict{Ready: true, Progressing: true, Reason: v1alpha1.ReasonStarting, Message: fmt.Sprintf("%d of %d leaves can answer", count.Ready, count.Known)}
	}
	return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonServing, Message: fmt.Sprintf("%d leaves answer", count.Ready)}
}
