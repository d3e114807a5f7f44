package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
)

type serverCommand struct {
	serverFlags
	app *app
}

func (a *app) serverCmd() *cobra.Command {
	c := &serverCommand{app: a}
	cmd := &cobra.Command{
		Use:     "server",
		GroupID: groupServer,
		Short:   "Run a server in the foreground",
		Long: `Runs a whole Kubernetes until it is told to stop. This is what nagi up starts
in the background, and what a service manager should start.

Ending the server ends no container: the next one takes them over.`,
		Example: "  nagi server\n  nagi server --listen 192.0.2.10\n  nagi server --control-only --api-port 0 --data-dir ./state",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	return cmd
}

func (c *serverCommand) Run(ctx context.Context, _ stdio) error {
	config, err := c.config(c.app.dataDir)
	if err != nil {
		return err
	}
	if !config.ControlOnly {
		if err := needRoot(); err != nil {
			return err
		}
	}
	return c.app.engine.Serve(ctx, config)
}

// needRoot refuses what only root may do.
func needRoot() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return errors.New("this needs root; run it with sudo")
}
