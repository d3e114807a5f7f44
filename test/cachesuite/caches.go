package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"nagi.dev/plane/config"
)

// A server is a process of ours that answers at an address.
type server struct {
	address string
	cmd     *exec.Cmd
}

// end ends the process and all that it started.
func (s *server) end() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	_ = s.cmd.Wait()
}

// start starts a cache in front of the origin.
func (s *suite) start(ctx context.Context, cache, origin string) (*server, error) {
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	var cmd *exec.Cmd
	switch {
	case cache == "varnish":
		cmd = exec.CommandContext(ctx, "varnishd", "-F", "-a", at, "-b", origin, "-n", filepath.Join(s.dir, "varnish"), "-s", "malloc,64m",
			"-p", "default_ttl=0", "-p", "default_grace=0") // its guesses for answers that say nothing hide what the suite looks for
	case cache == "plane":
		if cmd, err = s.planeCommand(ctx, at, origin); err != nil {
			return nil, err
		}
	case strings.HasPrefix(cache, "http://"):
		return &server{address: strings.TrimPrefix(cache, "http://")}, nil
	default:
		return nil, fmt.Errorf("there is no cache %q; want varnish, plane or a URL", cache)
	}
	return s.launch(cmd, at, cache)
}

// planeCommand is nagi-plane with one cached route to the origin.
func (s *suite) planeCommand(ctx context.Context, at, origin string) (*exec.Cmd, error) {
	c := config.Config{
		Listeners: []config.Listener{{
			Name: "cache", Address: at, Protocol: config.HTTP,
			Routes: []config.Route{{Arms: []config.Arm{{Pool: "origin"}}, Cache: &config.Cache{Size: 64 << 20}}},
		}},
		Pools: []config.Pool{{Name: "origin", Endpoints: []config.Endpoint{{Address: origin}}}},
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	file := filepath.Join(s.dir, "plane.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return exec.CommandContext(ctx, s.plane, "proxy", "--config", file, "--admin", "127.0.0.1:0"), nil
}

// launch starts cmd in a group of its own and waits until it answers.
func (s *suite) launch(cmd *exec.Cmd, at, name string) (*server, error) {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	srv := &server{address: at, cmd: cmd}
	if err := answers(at); err != nil {
		srv.end()
		return nil, fmt.Errorf("start %s: %w; its output is in %s", name, err, log.Name())
	}
	return srv, nil
}

// answers waits until a GET is answered.
func answers(at string) (err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		var r *http.Response
		if r, err = http.Get("http://" + at + "/index.html"); err == nil {
			_, err = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return err
			}
			err = fmt.Errorf("it answers %s", r.Status)
		}
		<-tick.C
	}
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
