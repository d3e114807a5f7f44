// Package controllermanager runs the upstream Kubernetes controllers inside
// this process, without leader election: there is one server. Start with
// Part.
package controllermanager

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"nagi.dev/engine/config"
	"nagi.dev/engine/flags"
)

// A Part is the controller manager.
type Part struct {
	Config config.Config

	cancel context.CancelFunc
	ended  chan error
	done   sync.WaitGroup
}

// Name implements run.Part.
func (*Part) Name() string { return "controller manager" }

// Start implements run.Part.
func (p *Part) Start(context.Context) error {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return fmt.Errorf("make controller manager options: %w", err)
	}
	known, off, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := flags.Parse(o.Flags(known, off, aliases), p.args()); err != nil {
		return fmt.Errorf("set controller manager flags: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	c, err := o.Config(ctx, known, off, aliases)
	if err != nil {
		cancel()
		return fmt.Errorf("configure controller manager: %w", err)
	}
	p.ended = make(chan error, 1)
	p.done.Go(func() { p.ended <- app.Run(ctx, c.Complete()) })
	return nil
}

func (p *Part) args() []string {
	pki := func(name string) string { return filepath.Join(p.Config.Dirs.PKI(), name) }
	return []string{
		"--kubeconfig=" + p.Config.Kubeconfig("controller-manager"),
		"--root-ca-file=" + pki("ca.crt"), "--service-account-private-key-file=" + pki("sa.key"),
		"--cluster-signing-cert-file=" + pki("ca.crt"), "--cluster-signing-key-file=" + pki("ca.key"),
		"--use-service-account-credentials=true",
		"--allocate-node-cidrs=true", "--cluster-cidr=" + config.PodNet.String(), "--service-cluster-ip-range=" + config.ServiceNet.String(),
		"--leader-elect=false", "--secure-port=0", "--profiling=false",
		// Only what a cluster without a cloud and without nodes of another kind can use.
		"--controllers=*,-bootstrap-signer-controller,-token-cleaner-controller",
		"--kube-api-qps=100", "--kube-api-burst=200",
		"--concurrent-deployment-syncs=10", "--concurrent-replicaset-syncs=10", "--concurrent-endpoint-syncs=10",
	}
}

// Err reports controllers that ended by themselves.
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
