package main

import (
	"context"
	"io"

	"nagi.dev/cli"
	"nagi.dev/engine/build"
	"nagi.dev/internal/layout"
)

func (engine) Build(ctx context.Context, dataDir string, b cli.Build, progress io.Writer) (cli.Built, error) {
	made, err := build.Build(ctx, layout.For(dataDir), build.Request{
		Context: b.Context, Dockerfile: b.Dockerfile, Inline: b.Inline, Target: b.Target, Tags: b.Tags,
		Args: b.Args, Labels: b.Labels, Contexts: b.Contexts, Secrets: b.Secrets,
		Network: b.Network, AllowHost: b.AllowHost, ExtraHosts: b.ExtraHosts, Ulimits: b.Ulimits, ShmSize: b.ShmSize, Platform: b.Platform,
		NoCache: b.NoCache, NoCacheOf: b.NoCacheOf, Pull: b.Pull, CacheFrom: b.CacheFrom, CacheTo: b.CacheTo,
		Progress: b.Progress, Out: progress,
	})
	return cli.Built(made), err
}
