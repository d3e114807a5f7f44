// Package scheduler runs the upstream Kubernetes scheduler inside this
// process, without leader election: there is one server. Start with Part.
package scheduler

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"nagi.dev/engine/config"
	"nagi.dev/engine/flags"
)

// A Part is the scheduler.
type Part struct {
	Config config.Config

	cancel context.CancelFunc
	ended  chan error
	done   sync.WaitGroup
}

// Name implements run.Part.
func (*Part) Name() string { return "scheduler" }

// Start implements run.Part.
func (p *Part) Start(context.Context) error {
	o := options.NewOptions()
	args := []string{
		"--kubeconfig=" + p.Config.Kubeconfig("scheduler"),
		"--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=100", "--kube-api-burst=200",
	}
	if err := flags.Parse(*o.Flags, args); err != nil {
		return fmt.Errorf("set scheduler flags: %w", err)
	}
	var err error
	if o.InformerName, err = cache.NewInformerName("kube-scheduler"); err != nil {
		return fmt.Errorf("name the scheduler's informers: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	c, s, err := app.Setup(ctx, o)
	if err != nil {
		cancel()
		return fmt.Errorf("set up scheduler: %w", err)
	}
	p.ended = make(chan error, 1)
	p.done.Go(func() { p.ended <- app.Run(ctx, c, s) })
	return nil
}

// Err reports a scheduler that ended by itself.
func (p *Part) Err() <-chan error { return p.ended }

// Stop implements run.Part.
func (p *Part) Stop(ctx context.Context) error {
	if p.cancel != nil {
		p.cancel()
	}
	done := make(chan struct{})
	go func() { p.done.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return nil
}
