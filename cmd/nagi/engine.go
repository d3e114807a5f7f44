package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"nagi.dev/cli"
	"nagi.dev/engine/config"
	"nagi.dev/engine/doctor"
	"nagi.dev/engine/server"
	"nagi.dev/internal/layout"
)

// engine is the Kubernetes that the command line asks for.
type engine struct{}

func (engine) Serve(ctx context.Context, c cli.ServerConfig) error {
	full, err := complete(c)
	if err != nil {
		return err
	}
	level, err := logLevel(c.LogLevel)
	if err != nil {
		return err
	}
	full.Verbosity = -int(level)
	return server.Serve(ctx, full, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
}

// logLevel reads debug, info, warn or error; "" means info.
func logLevel(name string) (slog.Level, error) {
	var level slog.Level
	if name == "" {
		return slog.LevelInfo, nil
	}
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return 0, fmt.Errorf("--log-level %s: want debug, info, warn or error", name)
	}
	return level, nil
}

// A leaf certificate lives a year and is renewed after eight months.
const certLifetime = 365 * 24 * time.Hour

// A builder ends when nobody built for as long.
const buildIdle = 5 * time.Minute

// complete turns what a person asked for into what the engine needs.
func complete(c cli.ServerConfig) (config.Config, error) {
	out := config.Config{
		Dirs: layout.For(c.DataDir), NodeName: c.NodeName, APIPort: c.APIPort, ControlOnly: c.ControlOnly, Bare: c.Bare,
		CertLifetime: c.CertLifetime, CgroupRoot: os.Getenv("NAGI_CGROUP_ROOT"),
		BuildIdle: c.BuildIdle, BuildAsRoot: c.BuildAsRoot,
	}
	var err error
	if out.Listen, err = addresses(c.Listen); err != nil {
		return out, err
	}
	if out.NodeName == "" {
		host, err := os.Hostname()
		if err != nil {
			return out, fmt.Errorf("learn the name of this machine: %w", err)
		}
		out.NodeName = strings.ToLower(host)
	}
	if out.CertLifetime == 0 {
		out.CertLifetime = certLifetime
	}
	if out.BuildIdle == 0 {
		out.BuildIdle = buildIdle
	}
	if out.CgroupRoot == "" {
		out.CgroupRoot = "/nagi"
	}
	return out, nil
}

func (engine) Check(c cli.ServerConfig) []cli.Finding {
	full, err := complete(c)
	if err != nil {
		return []cli.Finding{{Name: "settings", Problem: err.Error(), Remedy: "correct it", Fatal: true}}
	}
	var out []cli.Finding
	for _, f := range doctor.Check(doctor.For(full)) {
		out = append(out, cli.Finding(f))
	}
	return out
}

func (engine) StopPods(ctx context.Context, dataDir string) error {
	return server.StopPods(ctx, layout.For(dataDir))
}

func (engine) Wipe(ctx context.Context, dataDir string, progress func(string)) error {
	return server.Wipe(ctx, layout.For(dataDir), progress)
}

func (engine) Kubectl(args []string, in io.Reader, out, err io.Writer) int {
	return kubectl(args, in, out, err)
}
