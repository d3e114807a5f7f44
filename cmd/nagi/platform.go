package main

import (
	"context"
	"log/slog"

	"nagi.dev/compose/stack"
	"nagi.dev/engine/config"
	"nagi.dev/kube"
)

// platform is the process of what Nagi adds to Kubernetes: its kinds and
// their controllers. It waits for the API server by itself.
func platform(ctx context.Context, c config.Config, log *slog.Logger) (func(context.Context) error, <-chan error, error) {
	cfg, err := kube.Config(c.Kubeconfig("platform"))
	if err != nil {
		return nil, nil, err
	}
	client, err := kube.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	if err := stack.InstallCRDs(ctx, client); err != nil {
		return nil, nil, err
	}
	if c.ControlOnly { // tests run controllers of their own against it
		return func(context.Context) error { return nil }, nil, nil
	}
	run, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- kube.RunControllers(run, cfg, log, stack.Controller(stack.Options{Log: log})) }()
	stop := func(ctx context.Context) error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return stop, ended, nil
}
