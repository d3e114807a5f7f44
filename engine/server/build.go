package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"nagi.dev/engine/build"
	"nagi.dev/engine/config"
	"nagi.dev/engine/supervise"
	"nagi.dev/run"
)

// builderChild makes images. It is no part of the board: most of the time
// none runs, and that is as it should be.
func builderChild(c config.Config, held *os.File, log *slog.Logger) *supervise.OnDemand {
	return &supervise.OnDemand{
		Child: supervise.Child{
			Title: "build", Args: []string{"nagi", "child", "build", "--data-dir", c.Dirs.Data}, Env: environment(c),
			LogDir: c.Dirs.Log(), Ready3: true, Hold: held,
		},
		Socket: c.Dirs.BuildSocket(),
		Clean: func(ctx context.Context) {
			if err := build.Sweep(ctx, c); err != nil { // the next builder sweeps again
				log.Warn("sweep up after a builder", "err", err)
			}
		},
	}
}

// builder is the process that makes images. Its socket is the supervisor's.
func builder(ctx context.Context, c config.Config, log *slog.Logger) (func(context.Context) error, <-chan error, error) {
	f := os.NewFile(5, "socket")
	if f == nil {
		return nil, nil, errors.New("the supervisor handed down no socket")
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, nil, fmt.Errorf("take over socket: %w", err)
	}
	part := &build.Part{Config: c, Log: log, Listener: l}
	stop, err := run.Start(ctx, log, part)
	return stop, part.Err(), err
}
