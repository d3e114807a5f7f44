package build

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/continuity/fs"
	stepper "github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	resources "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/sys/user"
)

// steps runs build steps as nobody of the machine: their containers are in a
// user namespace (network.go), and here their files get its ids.
type steps struct {
	stepper.Executor
	layers *layers
}

// Run implements executor.Executor.
func (s steps) Run(ctx context.Context, id string, root stepper.Mount, mounts []stepper.Mount, p stepper.ProcessInfo, started chan<- struct{}) (resources.Recorder, error) {
	root.Src = source{root.Src, s.layers, func(dir string) error { return makeWorkdir(dir, p.Meta) }}
	own := make([]stepper.Mount, len(mounts))
	for i, m := range mounts {
		own[i] = m
		if m.Src != nil {
			own[i].Src = source{m.Src, s.layers, func(string) error { return nil }}
		}
	}
	return s.Executor.Run(ctx, id, root, own, p, started)
}

// makeWorkdir makes the folder that a step starts in, which the executor would
// do as the machine's root: that is nobody where the ids are the step's.
func makeWorkdir(root string, meta stepper.Meta) error {
	dir, err := fs.RootPath(root, meta.Cwd)
	if err != nil {
		return fmt.Errorf("find working folder %s: %w", meta.Cwd, err)
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	uid, gid, _, err := oci.GetUser(root, meta.User)
	if err != nil {
		return err
	}
	if err := user.MkdirAllAndChown(dir, 0o755, int(uid), int(gid)); err != nil {
		return fmt.Errorf("make working folder %s: %w", meta.Cwd, err)
	}
	return nil
}

// A source is a mount of a step that turns to the step's ids.
type source struct {
	stepper.Mountable
	layers *layers
	before func(dir string) error
}

// Mount implements executor.Mountable.
func (s source) Mount(ctx context.Context, readonly bool) (stepper.MountableRef, error) {
	ref, err := s.Mountable.Mount(ctx, readonly)
	if err != nil {
		return nil, err
	}
	return turned{ref, s}, nil
}

type turned struct {
	stepper.MountableRef
	source source
}

// Mount implements executor.MountableRef.
func (t turned) Mount() ([]mount.Mount, func() error, error) {
	mounts, release, err := t.MountableRef.Mount()
	if err != nil {
		return nil, nil, err
	}
	var undo []func() error
	all := func() error {
		var errs []error
		for _, u := range undo {
			errs = append(errs, u())
		}
		if release != nil {
			errs = append(errs, release())
		}
		return errors.Join(errs...)
	}
	out := make([]mount.Mount, len(mounts))
	for i, m := range mounts {
		own, u, err := t.source.layers.turn(m, t.source.before)
		if err != nil {
			return nil, nil, errors.Join(err, all())
		}
		out[i], undo = own, append(undo, u)
	}
	return out, all, nil
}

// refusal stands for steps on a machine that cannot keep them from being its
// root.
type refusal struct{ why error }

// Run implements executor.Executor.
func (r refusal) Run(context.Context, string, stepper.Mount, []stepper.Mount, stepper.ProcessInfo, chan<- struct{}) (resources.Recorder, error) {
	return nil, fmt.Errorf("run a step as nobody of this machine: %w; Linux 5.19 with user namespaces can; nagi up --build-as-root runs steps as root", r.why)
}

// Exec implements executor.Executor.
func (r refusal) Exec(context.Context, string, stepper.ProcessInfo) error { return r.why }
