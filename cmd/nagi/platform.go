package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"k8s.io/client-go/rest"

	"nagi.dev/cli"
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
	go func() { ended <- keepKinds(run, cfg, log, stack.Options{Log: log}) }()
	stop := func(ctx context.Context) error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := openDoor(ctx, run, c, cfg, log, ended); err != nil {
		return nil, nil, err // the process ends with it
	}
	return stop, ended, nil
}

// openDoor runs the patterns and returns once they answer. The link of the
// pods is there: the server made it before any process.
func openDoor(ctx, run context.Context, c config.Config, cfg *rest.Config, log *slog.Logger, ended chan<- error) error {
	ca, err := os.ReadFile(c.DoorCA())
	if err != nil {
		return fmt.Errorf("read authority of the door: %w", err)
	}
	l, err := net.Listen("tcp", c.Door().String())
	if err != nil {
		return fmt.Errorf("open the door: %w", err)
	}
	set := patterns.New(patterns.Options{URL: "https://" + c.Door().String(), CA: ca, Log: log})
	go func() { ended <- set.Run(run, cfg) }()
	go func() { ended <- patterns.Serve(run, l, c.DoorCert(), set.Handler(), log) }()
	return set.Ready(ctx)
}

// keepKinds runs all controllers until ctx ends.
func keepKinds(ctx context.Context, cfg *rest.Config, log *slog.Logger, o stack.Options) error {
	return kube.RunControllers(ctx, cfg, log, stack.Controller(o))
}

// Platform is the same on a cluster that exists: nagi install made the kinds,
// and the nodes have nothing of ours.
func (engine) Platform(ctx context.Context, c cli.PlatformConfig) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg, err := kube.ConfigOf(c.Kubeconfig, c.Context)
	if err != nil {
		return err
	}
	client, err := kube.New(cfg)
	if err != nil {
		return err
	}
	if err := stack.Served(ctx, client); err != nil {
		return fmt.Errorf("wait for the kinds of Nagi (nagi install makes them): %w", err)
	}
	if c.Health != "" {
		stop, err := sayHealthy(c.Health)
		if err != nil {
			return err
		}
		defer stop()
	}
	log.Info("keeping stacks", "cluster", cfg.Host)
	return keepKinds(ctx, cfg, log, stack.Options{Log: log, PlaneImage: c.PlaneImage, Portable: true})
}

// sayHealthy answers /healthz for as long as this process lives: a controller
// that ends, ends it.
func sayHealthy(address string) (stop func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("answer at %s: %w", address, err)
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go s.Serve(l) //nolint:errcheck // it ends with stop
	return func() { _ = s.Close() }, nil
}
