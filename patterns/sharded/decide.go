package sharded

import (
	"cmp"
	"fmt"
	"strings"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/verdict"
	"nagi.dev/plane/config"
)

// State is everything that Decide may look at.
type State struct {
	Service *v1alpha1.ShardedService
	World   endpoints.World // of its namespace
	Routers int32           // that are ready
	Door    graft.Door
}

// A Plan is what to do next, and how the service is.
type Plan struct {
	Objects   []object // as they are wanted
	Unrouted  bool     // the router is not wanted any more
	Document  *config.Config
	Endpoints v1alpha1.EndpointsStatus
	Verdict   verdict.Verdict
}

// Decide compares what is asked with what is seen.
func Decide(s State) Plan {
	if s.Service.DeletionTimestamp != nil {
		return Plan{}
	}
	objs, err := objects(s.Service, s.Door)
	if err != nil {
		return Plan{Verdict: stalled(v1alpha1.ReasonSpec, oneLine(err))}
	}
	p := Plan{Objects: objs, Unrouted: !shared(s.Service)}
	shards, err := s.World.StatefulSet(s.Service.Name, 0)
	if err != nil { // not made yet
		p.Verdict = verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonStarting, Message: "its shards are being made"}
		return p
	}
	p.Document = document(s.Service, shards, &p.Endpoints)
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
func document(s *v1alpha1.ShardedService, shards []endpoints.Endpoint, count *v1alpha1.EndpointsStatus) *config.Config {
	r := s.Spec.Ring
	pool := config.Pool{Name: "shards", Endpoints: []config.Endpoint{}, Balance: config.Balance{
		Algorithm: cmp.Or(r.Algorithm, config.Ketama), Hash: r.Hash, HashTag: r.HashTag, EjectHosts: r.Eject,
	}}
	for _, e := range shards {
		count.Known++
		if e.Ready {
			count.Ready++
		}
		pool.Endpoints = append(pool.Endpoints, config.Endpoint{Name: e.Name, Address: e.Address})
	}
	route := config.Route{Arms: []config.Arm{{Pool: pool.Name}}}
	if s.Spec.Protocol == "http" {
		route.Key = cmp.Or(s.Spec.Key, "path")
	}
	return &config.Config{Pools: []config.Pool{pool}, Listeners: []config.Listener{{
		Name: "front", Address: fmt.Sprintf(":%d", s.Spec.Port), Protocol: config.Protocol(s.Spec.Protocol), Routes: []config.Route{route},
	}}}
}

func judge(s State, count v1alpha1.EndpointsStatus) verdict.Verdict {
	want := cmp.Or(s.Service.Spec.Router.Replicas, 2)
	switch {
	case count.Ready < s.Service.Spec.Shards || count.Known != s.Service.Spec.Shards:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonStarting, Message: fmt.Sprintf("%d of %d shards answer", count.Ready, s.Service.Spec.Shards)}
	case shared(s.Service) && s.Routers == 0:
		return verdict.Verdict{Progressing: true, Reason: v1alpha1.ReasonStarting, Message: "no router is ready yet"}
	case shared(s.Service) && s.Routers < want:
		return verdict.Verdict{Ready: true, Progressing: true, Reason: v1alpha1.ReasonStarting, Message: fmt.Sprintf("%d of %d routers are ready", s.Routers, want)}
	}
	return verdict.Verdict{Ready: true, Reason: v1alpha1.ReasonServing, Message: fmt.Sprintf("%d shards answer", count.Ready)}
}
