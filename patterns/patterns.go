package patterns

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"

	"k8s.io/client-go/rest"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/version"
	"nagi.dev/kube"
	"nagi.dev/patterns/ambassador"
	"nagi.dev/patterns/inject"
	"nagi.dev/patterns/replicated"
	"nagi.dev/patterns/scatter"
	"nagi.dev/patterns/sharded"
	"nagi.dev/patterns/sidecar"
	"nagi.dev/patterns/stream"
)

// Options of the patterns. URL and CA are required.
type Options struct {
	URL    string // at which the API server and the pods find the door
	CA     []byte // of its certificate, PEM
	Plane  string // the image of nagi-plane; "": that of this version
	Domain string // of the cluster; "": cluster.local
	Log    *slog.Logger
}

// A Set is every pattern of this version, ready to run.
type Set struct {
	o      Options
	door   graft.Door
	inject *inject.Door
	hub    *stream.Hub
}

// New returns the patterns; nothing of them runs yet. cl asks the API server
// who shows a token.
func New(o Options, cl *kube.Client) *Set {
	o.Plane = cmp.Or(o.Plane, version.PlaneImage())
	o.Domain = cmp.Or(o.Domain, "cluster.local")
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Set{o: o, door: graft.Door{Image: o.Plane, URL: o.URL, CA: string(o.CA)}}
	s.hub = stream.New(stream.Options{Review: review(cl), Log: o.Log})
	s.inject = inject.New(inject.Options{URL: o.URL, CA: o.CA, Log: o.Log, Sources: s.sources()})
	return s
}

// sources are the kinds that reach into pods.
func (s *Set) sources() []inject.Source {
	return []inject.Source{
		{Kind: "Sidecar", Resource: "sidecars", For: &v1alpha1.Sidecar{}, Rules: sidecar.Rules(s.door), Read: sidecar.Read(s.door)},
		{Kind: "Ambassador", Resource: "ambassadors", For: &v1alpha1.Ambassador{}, Rules: ambassador.Rules(s.door), Read: ambassador.Read(s.door)},
	}
}

// controllers keep the kinds.
func (s *Set) controllers() []kube.Controller {
	return []kube.Controller{
		sidecar.Controller(sidecar.Options{Door: s.door, Documents: documents{s.hub, sidecar.Kind}}),
		ambassador.Controller(ambassador.Options{Door: s.door, Documents: documents{s.hub, ambassador.Kind}, Domain: s.o.Domain}),
		replicated.Controller(replicated.Options{Door: s.door, Documents: documents{s.hub, replicated.Kind}, Domain: s.o.Domain}),
		scatter.Controller(scatter.Options{Door: s.door, Documents: documents{s.hub, scatter.Kind}, Domain: s.o.Domain}),
		sharded.Controller(sharded.Options{Door: s.door, Documents: documents{s.hub, sharded.Kind}, Domain: s.o.Domain}),
	}
}

// Run keeps every pattern until ctx ends.
func (s *Set) Run(ctx context.Context, cfg *rest.Config) error {
	return kube.RunControllers(ctx, cfg, s.o.Log, append(s.inject.Controllers(), s.controllers()...)...)
}

// Handler answers at the door.
func (s *Set) Handler() http.Handler {
	mux := http.NewServeMux()
	s.inject.Handle(mux)
	s.hub.Handle(mux)
	return mux
}

// Ready returns once pods that are made from now on get what kinds say.
func (s *Set) Ready(ctx context.Context) error { return s.inject.Ready(ctx) }
