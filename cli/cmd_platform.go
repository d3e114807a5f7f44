package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"nagi.dev/install"
	"nagi.dev/internal/version"
)

type platformCommand struct {
	app *app
	c   PlatformConfig
}

func (a *app) platformCmd() *cobra.Command {
	c := &platformCommand{app: a}
	cmd := &cobra.Command{
		Use:     "platform",
		GroupID: groupServer,
		Short:   "Keep the kinds of Nagi on a cluster that exists",
		Long: `Runs the controllers of Nagi's kinds until it is told to stop: what the pod that
nagi install makes runs. A server of Nagi has them in it.`,
		Example: "  nagi platform --kubeconfig ~/.kube/config",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	f := cmd.Flags()
	f.StringVar(&c.c.Kubeconfig, "kubeconfig", "", "of the cluster (default: that of the pod it runs in)")
	f.StringVar(&c.c.Context, "context", "", "of the contexts of the kubeconfig, this one")
	f.StringVar(&c.c.PlaneImage, "plane-image", version.PlaneImage(), "image that rides in pods")
	f.StringVar(&c.c.Health, "health", fmt.Sprintf(":%d", install.HealthPort), "address where /healthz answers once it runs; \"\": none")
	return cmd
}

func (c *platformCommand) Run(ctx context.Context, _ stdio) error {
	return c.app.engine.Platform(ctx, c.c)
}
