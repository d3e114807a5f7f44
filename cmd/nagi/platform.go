package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"k8s.io/client-go/rest"

	"nagi.dev/compose/stack"
	"nagi.dev/engine/config"
	"nagi.dev/kube"
	"nagi.dev/patterns"
)

// platform is the process of what Nagi adds to Kubernetes: its kinds and
// their controllers, and the door. It waits for the API server by itself.
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
	ended := make(chan error, 3)
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
	if err := openDoor(ctx, run, c, client, cfg, log, ended); err != nil {
		return nil, nil, err // the process ends with it
	}
	return stop, ended, nil
}

// openDoor runs the patterns and returns once they answer. The link of the
// pods is there: the server made it before any process.
func openDoor(ctx, run context.Context, c config.Config, client *kube.Client, cfg *rest.Config, log *slog.Logger, ended chan<- error) error {
	ca, err := os.ReadFile(c.DoorCA())
	if err != nil {
		return fmt.Errorf("read authority of the door: %w", err)
	}
	l, err := net.Listen("tcp", c.Door().String())
	if err != nil {
		return fmt.Errorf("open the door: %w", err)
	}
	set := patterns.New(patterns.Options{URL: "https://" + c.Door().String(), CA: ca, Domain: config.Domain, Log: log}, client)
	go func() { ended <- set.Run(run, cfg) }()
	go func() { ended <- patterns.Serve(run, l, c.DoorCert(), set.Handler(), log) }()
	return set.Ready(ctx)
}
