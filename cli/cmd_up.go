package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

type upCommand struct {
	serverFlags
	app     *app
	timeout time.Duration
}

func (a *app) upCmd() *cobra.Command {
	c := &upCommand{app: a}
	cmd := &cobra.Command{
		Use:     "up",
		GroupID: groupServer,
		Short:   "Start a server in the background and wait until it is ready",
		Long: `Starts a whole Kubernetes on this machine in the background and waits until it
serves. Nothing listens beyond this machine unless --listen asks for it.

It looks at the machine first, as nagi doctor does, and touches nothing when
something is missing. Where a server runs already, it says so.`,
		Example: "  sudo nagi up\n  sudo nagi up --listen 192.0.2.10\n  nagi up --control-only --api-port 0 --data-dir ./state",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().DurationVar(&c.timeout, "timeout", 2*time.Minute, "how long to wait for the server")
	return cmd
}

func (c *upCommand) Run(ctx context.Context, io stdio) error {
	config, err := c.config(c.app.dataDir)
	if err != nil {
		return err
	}
	dirs := layout.For(config.DataDir)
	w := waiter{io: io, dirs: dirs, timeout: c.timeout, begun: time.Now()}
	if s, running := runningServer(dirs); running {
		return w.join(ctx, s, config)
	}
	if err := c.refuse(io, config); err != nil {
		return err
	}
	io.note("Starting a server in %s", dirs.Data)
	server, err := launch(dirs, config)
	if err != nil {
		return err
	}
	s, err := w.wait(ctx, server)
	if err != nil {
		return err
	}
	io.printf("The server is ready after %s.\n", since(w.begun))
	printServer(io, dirs, s)
	return nil
}

// refuse asks the doctor and stops at anything that a server needs.
func (c *upCommand) refuse(io stdio, config ServerConfig) error {
	found := c.app.engine.Check(config)
	printFindings(stdio{Out: io.Err}, found)
	if !fatal(found) {
		return nil
	}
	n := 0
	for _, f := range found {
		if f.Fatal {
			n++
		}
	}
	if n == 1 {
		return errors.New("this machine lacks what a server needs (above); nothing was changed")
	}
	return fmt.Errorf("this machine lacks %d things that a server needs (above); nothing was changed", n)
}

// join waits for a server that runs already and tells how it differs from
// what is asked.
func (w waiter) join(ctx context.Context, s status.Status, want ServerConfig) error {
	if !s.Ready {
		w.io.note("A server is starting already (pid %d).", s.PID)
		var err error
		if s, err = w.wait(ctx, process{pid: s.PID}); err != nil {
			return err
		}
	}
	w.io.printf("A server runs already, for %s (pid %d).\n", age(s.Started), s.PID)
	printServer(w.io, w.dirs, s)
	if extra := unanswered(want.Listen, s.Addresses); len(extra) > 0 {
		w.io.note("It does not listen on %s; nagi down and nagi up again change that.", strings.Join(extra, ", "))
	}
	return nil
}

// unanswered lists the addresses that are asked for and not answered.
func unanswered(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(a string) bool { return slices.Contains(have, a) })
}

// printServer says where everything is and how to go on.
func printServer(io stdio, d layout.Dirs, s status.Status) {
	io.printf("\n  API          %s\n  kubeconfig   %s\n", s.API, d.Kubeconfig)
	if len(s.Addresses) > 0 {
		io.printf("  ports        published ports answer on %s\n", strings.Join(s.Addresses, ", "))
	}
	if s.Console != "" {
		io.printf("  console      %s\n", s.Console)
	}
	io.printf("\nnagi deploy runs the compose file of a folder; nagi status shows how the server is.\n")
}
