package build

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
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
	return errors.Join(append(errs, unmountAll(c.Dirs.Build()), os.RemoveAll(c.Dirs.BuildTemp()))...)
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
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	defer f.Close()
	var points []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if words := strings.Fields(s.Text()); len(words) > 4 && strings.HasPrefix(words[4], dir+"/") {
			points = append(points, words[4])
		}
	}
	var errs []error
	for i := len(points) - 1; i >= 0; i-- {
		if err := unix.Unmount(points[i], unix.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", points[i], err))
		}
	}
	return errors.Join(errs...)
}
