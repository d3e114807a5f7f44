package build

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/inline"
	"github.com/moby/buildkit/cache/remotecache/local"
	historyconfig "github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"

	"nagi.dev/engine/config"
)

// A Part is the builder: it serves builds on Listener until it is stopped, or
// was idle for Config.BuildIdle.
type Part struct {
	Config   config.Config
	Log      *slog.Logger
	Listener net.Listener

	client *ctd.Client
	server *grpc.Server
	ctl    *control.Controller
	idle   *idle
	err    chan error
	done   chan struct{} // closed when the server ended
}

// Name implements run.Part.
func (p *Part) Name() string { return "build" }

// Err tells why the part ended by itself; nil: nobody needed it any more.
func (p *Part) Err() <-chan error { return p.err }

// Start implements run.Part.
func (p *Part) Start(ctx context.Context) error {
	p.err, p.done = make(chan error, 1), make(chan struct{})
	if err := p.prepare(ctx); err != nil {
		return err
	}
	w, err := p.worker(ctx)
	if err != nil {
		return err
	}
	if p.ctl, err = p.controller(w); err != nil {
		return err
	}
	p.idle = newIdle(p.Config.BuildIdle, p.end)
	p.server = grpc.NewServer(
		grpc.ChainUnaryInterceptor(p.idle.unary, grpcerrors.UnaryServerInterceptor),
		grpc.ChainStreamInterceptor(p.idle.stream, grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize), grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
	)
	p.ctl.Register(p.server)
	go func() {
		defer close(p.done)
		p.err <- p.server.Serve(p.Listener)
	}()
	return nil
}

// end ends the server once no call is left; a new one opens the next
// builder's connection.
func (p *Part) end() { p.server.GracefulStop() }

// prepare sweeps up after the last builder and makes the folders. Mounts of
// steps lie in a folder of the builder's own, so that they can be found.
func (p *Part) prepare(ctx context.Context) error {
	d := p.Config.Dirs
	var err error
	if p.client, err = ctd.New(d.ContainerdSocket(), ctd.WithDefaultNamespace(Namespace)); err != nil {
		return fmt.Errorf("connect to containerd: %w", err)
	}
	if err := sweep(ctx, p.Config, p.client); err != nil {
		p.Log.Warn("sweep up after the last builder", "err", err)
	}
	for _, dir := range []string{d.Build(), d.BuildTemp(), d.BuildRun()} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("make folder of the builder: %w", err)
		}
	}
	return os.Setenv("TMPDIR", d.BuildTemp())
}

func (p *Part) worker(ctx context.Context) (*base.Worker, error) {
	nets, err := networks(p.Config)
	if err != nil {
		return nil, err
	}
	images := &store{Store: p.client.ImageService(), client: p.client}
	if err := images.forget(ctx); err != nil {
		return nil, err
	}
	return newWorker(ctx, p.Config, p.Log, p.client, images, nets)
}

// controller joins the worker with the reader of Dockerfiles and the cache on
// disk. Of past builds it keeps next to nothing: nobody asks for them.
func (p *Part) controller(w *base.Worker) (*control.Controller, error) {
	workers := &worker.Controller{}
	if err := workers.Add(w); err != nil {
		return nil, fmt.Errorf("add worker: %w", err)
	}
	sessions, err := session.NewManager()
	if err != nil {
		return nil, fmt.Errorf("make sessions: %w", err)
	}
	root := p.Config.Dirs.Build()
	cache, err := bboltcachestorage.NewStore(filepath.Join(root, "cache.db"))
	if err != nil {
		return nil, fmt.Errorf("open build cache: %w", err)
	}
	history, err := boltutil.SafeOpen(filepath.Join(root, "history.db"), 0o600, &bolt.Options{NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("open history of builds: %w", err)
	}
	entries := int64(1)
	return control.NewController(control.Opt{
		SessionManager: sessions, WorkerController: workers,
		Frontends:                 map[string]frontend.Frontend{"dockerfile.v0": forwarder.NewGatewayForwarder(workers.Infos(), dockerfile)},
		CacheManager:              solver.NewCacheManager(context.Background(), "local", cache, worker.NewCacheResultStorage(workers)),
		ResolveCacheExporterFuncs: map[string]remotecache.ResolveCacheExporterFunc{"local": local.ResolveCacheExporterFunc(sessions), "inline": inline.ResolveCacheExporterFunc()},
		ResolveCacheImporterFuncs: map[string]remotecache.ResolveCacheImporterFunc{"local": local.ResolveCacheImporterFunc(sessions)},
		Entitlements:              []string{allowHostNetwork},
		HistoryDB:                 history, CacheStore: cache,
		LeaseManager: w.LeaseManager(), ContentStore: w.ContentStore(), GarbageCollect: w.GarbageCollect,
		HistoryConfig: &historyconfig.HistoryConfig{MaxAge: historyconfig.Duration{Duration: time.Hour}, MaxEntries: &entries},
	})
}

// Stop implements run.Part. What is being built is given up; its steps end.
func (p *Part) Stop(ctx context.Context) error {
	if p.server == nil {
		return nil
	}
	p.idle.stop()
	p.server.Stop()
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	p.server = nil
	if err := sweep(ctx, p.Config, p.client); err != nil { // the next builder sweeps again
		p.Log.Warn("sweep up", "err", err)
	}
	return errors.Join(p.ctl.Close(), p.client.Close())
}
