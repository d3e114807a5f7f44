package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"nagi.dev/engine/config"
)

// Sweep removes what a builder that was killed left: the containers of its
// steps, their networks, its mounts. It needs containerd, and no builder may
// run.
func Sweep(ctx context.Context, c config.Config) error {
	cl, err := ctd.New(c.Dirs.ContainerdSocket(), ctd.WithDefaultNamespace(Namespace))
	if err != nil {
		return fmt.Errorf("connect to containerd: %w", err)
	}
	defer cl.Close()
	return sweep(ctx, c, cl)
}

func sweep(ctx context.Context, c config.Config, cl *ctd.Client) error {
	errs := []error{endSteps(namespaces.WithNamespace(ctx, Namespace), cl)}
	if b, err := newBridge(c); err == nil {
		errs = append(errs, b.sweep())
	}
	gone := errors.Join(unmountAll(c.Dirs.Build()), unmountAll(c.Dirs.BuildRun()))
	if gone == nil { // what is still mounted must not be emptied
		gone = os.RemoveAll(c.Dirs.BuildTemp())
	}
	return errors.Join(append(errs, gone)...)
}

// endSteps kills the containers of the builder and forgets them.
func endSteps(ctx context.Context, cl *ctd.Client) error {
	list, err := cl.Containers(ctx)
	if err != nil {
		return fmt.Errorf("list build steps: %w", err)
	}
	var errs []error
	for _, c := range list {
		if task, err := c.Task(ctx, nil); err == nil {
			if _, err := task.Delete(ctx, ctd.WithProcessKill); err != nil && !errdefs.IsNotFound(err) {
				errs = append(errs, fmt.Errorf("end build step %s: %w", c.ID(), err))
			}
		}
		if err := c.Delete(ctx); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("forget build step %s: %w", c.ID(), err))
		}
	}
	return errors.Join(errs...)
}

// unmountAll detaches every mount below dir, the newest first.
func unmountAll(dir string) error {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return !within(m.Mountpoint, dir), false })
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var errs []error
	for _, m := range slices.Backward(mounts) {
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", m.Mountpoint, err))
		}
	}
	return errors.Join(errs...)
}
