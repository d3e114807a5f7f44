package server

import (
	"context"
	"errors"
	"log/slog"

	"nagi.dev/engine/apiserver"
	"nagi.dev/engine/config"
	"nagi.dev/engine/controllermanager"
	"nagi.dev/engine/etcd"
	"nagi.dev/engine/scheduler"
	"nagi.dev/run"
)

// control is the process of the control plane. The API server's start and the
// store's overlap; the others need the API server.
func control(ctx context.Context, c config.Config, log *slog.Logger) (func(context.Context) error, <-chan error, error) {
	store := &etcd.Part{Dir: c.Dirs.Etcd(), Socket: c.EtcdSocket()}
	api := &apiserver.Part{Config: c}
	if _, err := api.Listen(); err != nil { // a busy port is known before the store opens
		return nil, nil, err
	}
	parts := []run.Part{storeAndAPI{store, api}, await{c, "platform"}, seeded{api}}
	runners := []runner{store, api}
	if !c.ControlOnly {
		kcm, sched := &controllermanager.Part{Config: c}, &scheduler.Part{Config: c}
		parts = append(parts, kcm, sched)
		runners = append(runners, kcm, sched)
	}
	stop, err := run.Start(ctx, log, parts...)
	if err != nil {
		return nil, nil, err
	}
	return stop, first(runners...), nil
}

// A storeAndAPI starts the API server once the store listens, and not only
// when it answers: the store's election is waiting, and the first part of an
// API server's start is work that needs no store.
type storeAndAPI struct {
	store *etcd.Part
	api   *apiserver.Part
}

func (storeAndAPI) Name() string { return "store and API server" }

func (s storeAndAPI) Start(ctx context.Context) error {
	if err := s.store.Start(ctx); err != nil {
		return err
	}
	if err := s.api.Start(ctx); err != nil {
		return errors.Join(err, s.store.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// Ready waits for the store alone: await asks the API server.
func (s storeAndAPI) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

// Stop stops the API server before the store that it writes to.
func (s storeAndAPI) Stop(ctx context.Context) error {
	return errors.Join(s.api.Stop(ctx), s.store.Stop(ctx))
}

// seeded remembers, once the API server is ready, what the next start need not
// wait for.
type seeded struct{ api *apiserver.Part }

func (seeded) Name() string                  { return "roles and classes" }
func (s seeded) Start(context.Context) error { return s.api.Seeded() }
func (seeded) Stop(context.Context) error    { return nil }
