// Package proxy runs the upstream kube-proxy inside this process, with
// nftables. Start with Part.
package proxy

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-proxy/app"

	"nagi.dev/engine/config"
)

// A Part is kube-proxy. Its rules outlive it, so that services answer while
// it restarts.
type Part struct {
	Config config.Config

	ended chan error
}

// Name implements run.Part.
func (*Part) Name() string { return "proxy" }

// Start implements run.Part.
func (p *Part) Start(context.Context) error {
	o := app.NewOptions()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(fs)
	if err := fs.Parse(p.args()); err != nil {
		return fmt.Errorf("set proxy flags: %w", err)
	}
	if err := o.Complete(fs); err != nil {
		return fmt.Errorf("complete proxy options: %w", err)
	}
	if err := o.Validate(); err != nil {
		return fmt.Errorf("check proxy options: %w", err)
	}
	p.ended = make(chan error, 1)
	go func() { p.ended <- o.Run(context.Background()) }()
	return nil
}

// args keep conntrack's own limits: inside a namespace they cannot be set.
func (p *Part) args() []string {
	node := []string{config.BridgeIP.String() + "/32"}
	for _, a := range p.Config.Listen {
		node = append(node, a.String()+"/32")
	}
	return []string{
		"--kubeconfig=" + p.Config.Kubeconfig("proxy"), "--hostname-override=" + p.Config.NodeName,
		"--proxy-mode=nftables", "--cluster-cidr=" + config.PodNet.String(), "--bind-address=" + p.Config.NodeIP().String(),
		"--nodeport-addresses=" + strings.Join(node, ","),
		"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
		"--healthz-bind-address=127.0.0.1:10256", "--metrics-bind-address=127.0.0.1:10249",
		"--iptables-min-sync-period=100ms",
	}
}

// Err reports a proxy that ended by itself.
func (p *Part) Err() <-chan error { return p.ended }

// Stop implements run.Part: the end of the process is the proxy's.
func (*Part) Stop(context.Context) error { return nil }
