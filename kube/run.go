package kube

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crlog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// RunControllers runs controllers until ctx ends. There is one platform a
// cluster, so nobody is elected; nothing listens.
func RunControllers(ctx context.Context, cfg *rest.Config, log *slog.Logger, controllers ...Controller) error {
	crlog.SetLogger(logr.FromSlogHandler(log.Handler()))
	writes := new(atomic.Int64)
	m, err := manager.New(counting(cfg, writes), options(log, controllers))
	if err != nil {
		return fmt.Errorf("prepare controllers: %w", err)
	}
	cl := &Client{Client: m.GetClient(), Live: m.GetAPIReader(), writes: writes}
	for _, c := range controllers {
		if err := c.add(m, cl); err != nil {
			return fmt.Errorf("prepare %s controller: %w", c.Name, err)
		}
	}
	if err := m.Start(ctx); err != nil {
		return fmt.Errorf("run controllers: %w", err)
	}
	return nil
}

func options(log *slog.Logger, controllers []Controller) manager.Options {
	return manager.Options{
		Scheme:  Scheme(),
		Logger:  logr.FromSlogHandler(log.Handler()),
		Metrics: server.Options{BindAddress: "0"},
		Cache: cache.Options{
			ByObject:                    memory(controllers),
			DefaultTransform:            trim(nil),
			ReaderFailOnMissingInformer: true, // a read of what nobody watches would load it all
		},
		HealthProbeBindAddress: "0",
	}
}

// memory says what to keep of each watched kind. Two controllers that watch
// one kind must say the same of it.
func memory(controllers []Controller) map[client.Object]cache.ByObject {
	by := map[client.Object]cache.ByObject{}
	seen := map[reflect.Type]bool{}
	for _, c := range controllers {
		for _, w := range c.Watches {
			if kind := reflect.TypeOf(w.Object); seen[kind] {
				continue
			} else {
				seen[kind] = true
			}
			o := cache.ByObject{Transform: trim(w.Trim)}
			if w.Label != "" {
				o.Label = has(w.Label)
			}
			by[w.Object] = o
		}
	}
	return by
}

// has selects the objects that carry label, whatever its value.
func has(label string) labels.Selector {
	r, err := labels.NewRequirement(label, selection.Exists, nil)
	if err != nil {
		panic(err) // a label of ours that is none
	}
	return labels.NewSelector().Add(*r)
}

// trim returns the transform that f is; nil drops managedFields, which weigh
// more than the rest of most objects.
func trim(f func(Object)) toolscache.TransformFunc {
	return func(in any) (any, error) {
		o, ok := in.(Object)
		switch {
		case !ok:
		case f != nil:
			f(o)
		case o.GetManagedFields() != nil:
			o.SetManagedFields(nil)
		}
		return in, nil
	}
}
