package patterns

import (
	"context"
	"log/slog"
	"net/http"

	"k8s.io/client-go/rest"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/version"
	"nagi.dev/kube"
	"nagi.dev/patterns/inject"
	"nagi.dev/patterns/sidecar"
)

// Options of the patterns. URL and CA are required.
type Options struct {
	URL   string // at which the API server and the pods find the door
	CA    []byte // of its certificate, PEM
	Plane string // the image of nagi-plane; "": that of this version
	Log   *slog.Logger
}

// A Set is every pattern of this version, ready to run.
type Set struct {
	o    Options
	door *inject.Door
}

// New returns the patterns; nothing of them runs yet.
func New(o Options) *Set {
	if o.Plane == "" {
		o.Plane = version.PlaneImage()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Set{o: o}
	s.door = inject.New(inject.Options{URL: o.URL, CA: o.CA, Log: o.Log, Sources: s.sources()})
	return s
}

// sources are the kinds that reach into pods.
func (s *Set) sources() []inject.Source {
	return []inject.Source{
		{Kind: "Sidecar", Resource: "sidecars", For: &v1alpha1.Sidecar{}, Rules: sidecar.Rules(s.o.Plane), Read: sidecar.Read(s.o.Plane)},
	}
}

// Run keeps every pattern until ctx ends.
func (s *Set) Run(ctx context.Context, cfg *rest.Config) error {
	all := append(s.door.Controllers(), sidecar.Controller(s.o.Plane))
	return kube.RunControllers(ctx, cfg, s.o.Log, all...)
}

// Handler answers at the door.
func (s *Set) Handler() http.Handler {
	mux := http.NewServeMux()
	s.door.Handle(mux)
	return mux
}

// Ready returns once pods that are made from now on get what kinds say.
func (s *Set) Ready(ctx context.Context) error { return s.door.Ready(ctx) }
