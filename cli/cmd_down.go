package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"nagi.dev/internal/layout"
)

type downCommand struct {
	app     *app
	wipe    bool
	yes     bool
	timeout time.Duration
}

func (a *app) downCmd() *cobra.Command {
	c := &downCommand{app: a}
	cmd := &cobra.Command{
		Use:     "down",
		GroupID: groupServer,
		Short:   "Stop the server and its containers; keep all data",
		Long: `Stops the server and every container it runs. Objects, images and volumes stay:
nagi up brings all of it back.

With --wipe nothing stays: no object, image, volume, mount, network or file.`,
		Example: "  sudo nagi down\n  sudo nagi down --wipe --yes",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	cmd.Flags().BoolVar(&c.wipe, "wipe", false, "forget everything: objects, images and volumes too")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask before --wipe")
	cmd.Flags().DurationVar(&c.timeout, "timeout", time.Minute, "how long to wait for the server to stop")
	return cmd
}

func (c *downCommand) Run(ctx context.Context, io stdio) error {
	dirs := layout.For(c.app.dataDir)
	s, running := runningServer(dirs)
	if err := mayStop(dirs); err != nil {
		return err
	}
	if c.wipe {
		if err := c.confirm(io, dirs); err != nil {
			return err
		}
	}
	if running {
		io.note("Stopping the server (pid %d)", s.PID)
		if err := c.stop(ctx, s.PID); err != nil {
			return err
		}
	}
	if _, err := os.Stat(dirs.Containerd()); err == nil {
		io.note("Stopping containers")
		if err := c.app.engine.StopPods(ctx, dirs.Data); err != nil {
			return fmt.Errorf("stop containers: %w", err)
		}
	}
	return c.end(ctx, io, dirs, running)
}

// end wipes if asked to and says what is left.
func (c *downCommand) end(ctx context.Context, io stdio, d layout.Dirs, ran bool) error {
	switch {
	case c.wipe:
		if err := c.app.engine.Wipe(ctx, d.Data, func(step string) { io.note("  %s", step) }); err != nil {
			return fmt.Errorf("wipe %s: %w", d.Data, err)
		}
		io.printf("Everything in %s is gone.\n", d.Data)
	case ran:
		io.printf("Stopped. All data stays in %s; nagi up brings it back.\n", d.Data)
	default:
		io.printf("No server is running.\n")
	}
	return nil
}

// mayStop lets root in, and whoever owns the data folder.
func mayStop(d layout.Dirs) error {
	if err := unix.Access(d.Data, unix.W_OK); err == unix.EACCES {
		return needRoot()
	}
	return nil
}

func (c *downCommand) stop(ctx context.Context, pid int) error {
	if err := terminate(pid); err != nil {
		return err
	}
	if waitGone(ctx.Done(), pid, c.timeout) {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; the server (pid %d) is still stopping", pid)
	}
	return fmt.Errorf("the server (pid %d) has not stopped within %s; kill -9 %d ends it, then run nagi down again", pid, c.timeout, pid)
}

// confirm asks before everything is forgotten.
func (c *downCommand) confirm(io stdio, d layout.Dirs) error {
	if err := looksLikeData(d); err != nil {
		return err
	}
	if c.yes {
		return nil
	}
	return io.confirm(fmt.Sprintf("this deletes every object, image and volume in %s", d.Data))
}

// looksLikeData refuses to wipe a folder that no server made.
func looksLikeData(d layout.Dirs) error {
	entries, err := os.ReadDir(d.Data)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into data folder: %w", err)
	}
	for _, known := range []string{d.PKI(), d.Etcd(), d.Containerd(), d.Lock(), serverLog(d)} {
		if _, err := os.Stat(known); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s holds files, but none of a server: is it the right folder? nothing was changed", filepath.Clean(d.Data))
}
