package main

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc/grpclog"

	"nagi.dev/cli"
	"nagi.dev/engine/build"
	"nagi.dev/internal/layout"
)

// hush keeps the transport's own log off a person's terminal: what matters of
// it comes as an error.
var hush = sync.OnceFunc(func() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) })

func (engine) Build(ctx context.Context, dataDir string, b cli.Build, progress io.Writer) (cli.Built, error) {
	hush()
	made, err := build.Build(ctx, layout.For(dataDir), build.Request{
		Context: b.Context, Dockerfile: b.Dockerfile, Inline: b.Inline, Target: b.Target, Tags: b.Tags,
		Args: b.Args, Labels: b.Labels, Contexts: b.Contexts, Secrets: b.Secrets,
		Network: b.Network, AllowHost: b.AllowHost, ExtraHosts: b.ExtraHosts, Ulimits: b.Ulimits, ShmSize: b.ShmSize, Platform: b.Platform,
		NoCache: b.NoCache, NoCacheOf: b.NoCacheOf, Pull: b.Pull, CacheFrom: b.CacheFrom, CacheTo: b.CacheTo,
		Progress: b.Progress, Out: progress,
	})
	return cli.Built(made), err
}
