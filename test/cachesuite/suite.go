package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// version of the suite, as npm names it.
const version = "http-cache-tests@0.4.5"

// grade asks the suite's own code what each result means.
//
//go:embed grade.mjs
var grade string

// A suite is the installed test suite and what it is to judge.
type suite struct {
	dir   string
	plane string
	only  string
	list  bool
}

func (s *suite) folder() string { return filepath.Join(s.dir, "node_modules", "http-cache-tests") }

// install brings the suite from npm, once.
func (s *suite) install(ctx context.Context) error {
	if _, err := os.Stat(s.folder()); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("install suite: %w", err)
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--prefix", s.dir, version)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("install suite: %w: %s", err, out)
	}
	return nil
}

// node runs a module of the suite with its settings.
func (s *suite) node(ctx context.Context, settings map[string]string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", append([]string{"--no-warnings"}, args...)...)
	cmd.Dir = s.folder()
	cmd.Env = append(os.Environ(), "npm_config_id="+s.only, "npm_package_config_id=")
	for k, v := range settings {
		cmd.Env = append(cmd.Env, "npm_config_"+k+"="+v)
	}
	return cmd
}

// origin starts the server that the suite talks to through the cache.
func (s *suite) origin(ctx context.Context) (*server, error) {
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{"protocol": "http", "port": port, "pidfile": filepath.Join(s.dir, "origin.pid")}
	return s.launch(s.node(ctx, settings, "server/server.mjs"), at, "origin")
}

// ask runs the tests against a cache and lets the suite grade them.
func (s *suite) ask(ctx context.Context, name, at string) (verdict, error) {
	v := verdict{cache: name}
	cmd := s.node(ctx, map[string]string{"base": "http://" + at}, "cli.mjs")
	out, err := cmd.Output()
	if err != nil {
		return v, fmt.Errorf("run suite: %w", err)
	}
	if s.only != "" {
		_, err := os.Stdout.Write(out)
		return v, err
	}
	if err := os.WriteFile(filepath.Join(s.dir, name+".json"), out, 0o644); err != nil {
		return v, fmt.Errorf("keep results: %w", err)
	}
	cmd = s.node(ctx, nil, "--input-type=module", "-e", grade)
	cmd.Stdin = bytes.NewReader(out)
	cmd.Stderr = os.Stderr
	graded, err := cmd.Output()
	if err != nil {
		return v, fmt.Errorf("grade results: %w", err)
	}
	if err := json.Unmarshal(graded, &v.results); err != nil {
		return v, fmt.Errorf("read grades: %w", err)
	}
	return v, nil
}
