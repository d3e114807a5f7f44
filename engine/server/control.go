package server

import (
	"context"
	"log/slog"

	"nagi.dev/engine/apiserver"
	"nagi.dev/engine/config"
	"nagi.dev/engine/controllermanager"
	"nagi.dev/engine/etcd"
	"nagi.dev/engine/scheduler"
	"nagi.dev/run"
)

// control is the process of the control plane. The API server needs the
// store; the others need the API server.
func control(ctx context.Context, c config.Config, log *slog.Logger) (func(context.Context) error, <-chan error, error) {
	store := &etcd.Part{Dir: c.Dirs.Etcd(), Socket: c.EtcdSocket()}
	api := &apiserver.Part{Config: c}
	if _, err := api.Listen(); err != nil { // a busy port is known before the store opens
		return nil, nil, err
	}
	parts := []run.Part{store, api, await{c, "platform"}}
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
