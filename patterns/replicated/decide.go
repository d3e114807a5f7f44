package replicated

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/router"
	"nagi.dev/internal/verdict"
	"nagi.dev/plane/config"
)

// State is everything that Decide may look at.
type State struct {
	Service *v1alpha1.ReplicatedService
	World   endpoints.World // of its namespace
	Routers int32           // that are ready
	Door    graft.Door
}

// A Plan is what to do next, and how the service is.
type Plan struct {
	Objects   []object // as they are wanted
	Document  *config.Config
	Endpoints v1alpha1.EndpointsStatus
	Verdict   verdict.Verdict
}

// Decide compares what is asked with what is seen.
func Decide(s State) Plan {
	if s.Service.DeletionTimestamp != nil {
		return Plan{}
	}
	p := Plan{Objects: objects(s.Service, s.Door)}
	all, err := s.World.Service(replicas(s.Service), 0)
	if err != nil { // not made yet
		p.Verdict = verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonStarting, Message: "its router is being made"}
		return p
	}
	p.Document = document(s.Service, all, &p.Endpoints)
	if err := p.Document.Validate(); err != nil {
		p.Document, p.Verdict = nil, stalled(v1alpha1.ReasonDocument, oneLine(err))
		return p
	}
	p.Verdict = judge(s, p.Endpoints)
	return p
}

func stalled(reason, message string) verdict.Verdict {
	return verdict.Verdict{Stalled: true, Reason: reason, Message: message}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// document is what the routers run.
func document(s *v1alpha1.ReplicatedService, all []endpoints.Endpoint, count *v1alpha1.EndpointsStatus) *config.Config {
	pool := config.Pool{Name: "replicas", Endpoints: []config.Endpoint{}}
	for _, e := range all {
		count.Known++
		if e.Ready {
			count.Ready++
		}
		pool.Endpoints = append(pool.Endpoints, config.Endpoint{Address: e.Address, Drain: e.Drain})
	}
	if s.Spec.Readiness != "" {
		pool.Health.Active = &config.ActiveCheck{Path: s.Spec.Readiness}
	}
	l := config.Listener{
		Name: "front", Address: fmt.Sprintf(":%d", listen), Protocol: config.HTTP,
		Routes: []config.Route{route(s.Spec)},
	}
	if t := s.Spec.TLS; t != nil {
		l.TLS = &config.ServerTLS{CertFile: router.TLSDir + "/tls.crt", KeyFile: router.TLSDir + "/tls.key", MinVersion: t.MinVersion}
	}
	return &config.Config{Listeners: []config.Listener{l}, Pools: []config.Pool{pool}}
}

// duration of a spec, which the API server checked.
func duration(text string) config.Duration {
	d, _ := time.ParseDuration(text)
	return config.Duration(d)
}

func route(s v1alpha1.ReplicatedServiceSpec) config.Route {
	r := config.Route{Arms: []config.Arm{{Pool: "replicas"}}}
	r.Timeout = duration(s.Timeout)
	if c := s.Cache; c != nil {
		r.Cache = &config.Cache{DefaultTTL: duration(c.DefaultTTL), Stale: duration(c.Stale)}
		if size, err := resource.ParseQuantity(c.Size); err == nil { // else the document says that it has none
			r.Cache.Size = size.Value()
		}
	}
	if a := s.Affinity; a != nil {
		r.Sticky = &config.Sticky{By: a.By, Name: a.Name}
	}
	if l := s.RateLimit; l != nil {
		r.Limit = &config.RateLimit{PerSecond: float64(l.PerSecond), Burst: int(l.Burst), By: l.By}
	}
	if b := s.RetryBudget; b == nil || *b > 0 {
		r.Retry = &config.Retry{}
		if b != nil {
			r.Retry.Budget = float64(*b)
		}
	}
	return r
}

func judge(s State, count v1alpha1.EndpointsStatus) verdict.Verdict {
	want := cmp.Or(s.Service.Spec.Routers, 2)
	switch {
	case count.Ready == 0:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonNoEndpoints, Message: "no replica is ready"}
	case s.Routers == 0:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonStarting, Message: "no router is ready yet"}
	case s.Routers < want:
		return verdict.Verdict{Ready: true, Progressing: true, Reason: v1alpha1.ReasonStarting, Message: fmt.Sprintf("%d of %d routers are ready", s.Routers, want)}
	}
	return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonServing, Message: fmt.Sprintf("%d replicas answer", count.Ready)}
}
