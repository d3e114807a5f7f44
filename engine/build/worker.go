package build

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/gc"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	stepper "github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/containerdexecutor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/worker/base"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"nagi.dev/engine/config"
)

// snapshotter is containerd's, the one that pods use too.
const snapshotter = "overlayfs"

// newWorker is the one worker of the builder: this machine, its containerd.
func newWorker(ctx context.Context, c config.Config, log *slog.Logger, cl *ctd.Client, images *store, nets map[pb.NetMode]network.Provider) (*base.Worker, error) {
	root := c.Dirs.Build()
	if err := os.MkdirAll(root, 0o711); err != nil {
		return nil, fmt.Errorf("make folder of the builder: %w", err)
	}
	id, err := base.ID(root)
	if err != nil {
		return nil, fmt.Errorf("name the builder: %w", err)
	}
	md, err := metadata.NewStore(filepath.Join(root, "metadata.db"))
	if err != nil {
		return nil, fmt.Errorf("open what the builder knows: %w", err)
	}
	lm := leaseutil.WithNamespace(cl.LeasesService(), Namespace)
	return base.NewWorker(ctx, base.WorkerOpt{
		ID: id, Root: root, Labels: map[string]string{},
		Platforms: []ocispec.Platform{platforms.Normalize(platforms.DefaultSpec())},
		GCPolicy:  []client.PruneInfo{bound(root)}, MetadataStore: md,
		NetworkProviders: nets, Executor: executor(c, log, cl, root, nets),
		Snapshotter:  containerd.NewSnapshotter(snapshotter, cl.SnapshotService(snapshotter), Namespace, nil),
		ContentStore: containerd.NewContentStore(cl.ContentStore(), Namespace),
		Applier:      cl.DiffService(), Differ: cl.DiffService(),
		ImageStore: images, RegistryHosts: hosts(c.Dirs.Registries()), LeaseManager: lm,
		GarbageCollect: func(ctx context.Context) (gc.Stats, error) { return nil, collect(ctx, lm) },
		MountPoolRoot:  filepath.Join(root, "cachemounts"),
	})
}

// executor runs build steps as containers of containerd, below the control
// group of pods' own parent, with the name server of pods. Their users are
// nobody on the machine, unless it is asked to let them be its root.
func executor(c config.Config, log *slog.Logger, cl *ctd.Client, root string, nets map[pb.NetMode]network.Provider) stepper.Executor {
	if c.BuildAsRoot {
		return containers(c, cl, root, nets, 0)
	}
	l, err := newLayers(c)
	if err != nil {
		log.Error("steps would be root of this machine, and are refused", "err", err)
		return refusal{err}
	}
	return steps{containers(c, cl, root, nets, firstID), l}
}

// containers are the steps as containerd runs them; owner is who may open
// their output anew, as /dev/stdout.
func containers(c config.Config, cl *ctd.Client, root string, nets map[pb.NetMode]network.Provider, owner uint32) stepper.Executor {
	return containerdexecutor.New(containerdexecutor.ExecutorOptions{
		Client: cl, Root: root, CgroupParent: filepath.Join(c.CgroupRoot, "build"), NetworkProviders: nets,
		DNSConfig: &oci.DNSConfig{Nameservers: []string{config.BridgeIP.String()}},
		Runtime: &containerdexecutor.RuntimeInfo{
			Name: "io.containerd.runc.v2", Options: &runcoptions.Options{BinaryName: filepath.Join(c.Dirs.Bin(), "runc"), IoUid: owner, IoGid: owner},
		},
	})
}

// collect makes containerd look for what nobody refers to any more, by a
// lease that ends at once.
func collect(ctx context.Context, lm leases.Manager) error {
	l, err := lm.Create(ctx, leases.WithRandomID())
	if err != nil {
		return fmt.Errorf("collect garbage: %w", err)
	}
	return lm.Delete(ctx, l, leases.SynchronousDelete)
}
