package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nagi.dev/engine/calm"
	"nagi.dev/engine/carried"
	"nagi.dev/engine/cgroup"
	"nagi.dev/engine/cni"
	"nagi.dev/engine/config"
	"nagi.dev/engine/containerd"
	"nagi.dev/engine/hold"
	"nagi.dev/engine/netpol"
	"nagi.dev/engine/pki"
	"nagi.dev/engine/registry"
	"nagi.dev/engine/supervise"
	"nagi.dev/internal/status"
	"nagi.dev/run"
)

// startTimeout bounds a start. A cold disk takes seconds; a minute means that
// something is wrong that waiting will not mend.
const startTimeout = 2 * time.Minute

// Serve runs a server until ctx ends.
func Serve(ctx context.Context, c config.Config, log *slog.Logger) error {
	for _, dir := range []string{c.Dirs.Data, c.Dirs.Run, c.Dirs.Log()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
	}
	held, err := hold.Take(c.Dirs)
	if err != nil {
		return err
	}
	defer held.Close()
	if c.APIPort == 0 {
		if c.APIPort, err = freePort(); err != nil {
			return err
		}
	}
	b := newBoard(c.Dirs.Status(), log)
	stop, err := start(ctx, c, b, held, log)
	if err != nil {
		b.set(func(s *status.Status) { s.Error = err.Error() })
		return err
	}
	calm.Now() // unpacking left more than a supervisor ever needs again
	b.set(func(s *status.Status) { s.Ready, s.ReadyAt = true, time.Now() })
	log.Info("ready", "after", time.Since(b.s.Started))
	<-ctx.Done()
	b.set(func(s *status.Status) { s.Ready = false })
	err = stop(context.Background())
	return errors.Join(err, os.Remove(c.Dirs.Status()))
}

// freePort picks a port before the certificates and kubeconfigs name it. The
// control process takes it a moment later and says so if somebody else did.
func freePort() (int, error) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(config.Loopback, 0).String())
	if err != nil {
		return 0, fmt.Errorf("pick a port for the API: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// start prepares the machine, then starts every part. containerd and the
// control plane do not need each other; the node and the platform wait for
// what they need by themselves, so that their own start overlaps.
func start(ctx context.Context, c config.Config, b *board, held *os.File, log *slog.Logger) (func(context.Context) error, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	certs := &pki.Renewer{Options: pkiOptions(c), Log: log}
	if _, err := pki.Ensure(certs.Options); err != nil {
		return nil, err
	}
	if err := c.Write(); err != nil {
		return nil, err
	}
	b.set(func(s *status.Status) { s.API, s.Addresses = c.APIServer(), published(c) })
	if !c.ControlOnly {
		if err := prepare(c); err != nil {
			return nil, err
		}
		if _, err := registry.Apply(c.Dirs); err != nil { // what was there before goes on
			log.Warn("registries are as they were", "err", err)
		}
	}
	parts := []run.Part{certs, run.Together("children", children(c, b, held)...)}
	if !c.ControlOnly {
		parts = append(parts, builderChild(c, held, log)) // it needs containerd, also to stop
	}
	return run.Start(ctx, log, parts...)
}

func children(c config.Config, b *board, held *os.File) []run.Part {
	parts := []run.Part{child(c, b, held, "control")}
	if !c.ControlOnly {
		parts = append(parts, containerdChild(c, b, held), child(c, b, held, "node"))
	}
	if !c.Bare {
		parts = append(parts, child(c, b, held, "platform"))
	}
	return parts
}

// prepare makes what a node needs of the machine before its processes start.
func prepare(c config.Config) error {
	if err := carried.Extract(c.Dirs.Bin()); err != nil {
		return err
	}
	if err := cgroup.Make(c.CgroupRoot); err != nil {
		return err
	}
	if err := cni.Up(); err != nil {
		return err
	}
	if err := cni.WriteConfig(containerd.CNIDir(c), filepath.Join(c.Dirs.Run, "ipam"), netpol.Socket(c.Dirs)); err != nil {
		return err
	}
	return containerd.WriteConfig(c)
}

func pkiOptions(c config.Config) pki.Options {
	addrs := append(c.APIAddresses(), config.ServiceAPI)
	return pki.Options{
		Dir: c.Dirs.PKI(), Server: c.APIServer(), Node: c.NodeName, Addresses: addrs,
		Lifetime: c.CertLifetime, Domain: config.Domain, Kubeconfig: c.Dirs.Kubeconfig,
	}
}

// published lists where published ports answer.
func published(c config.Config) []string {
	if c.ControlOnly {
		return nil // nothing is published without a node
	}
	out := []string{config.Loopback.String()}
	for _, a := range c.Listen {
		out = append(out, a.String())
	}
	return out
}

// child is this file once more, as one of its processes.
func child(c config.Config, b *board, held *os.File, name string) *supervise.Child {
	b.expect(name)
	return &supervise.Child{
		Title: name, Args: []string{"nagi", "child", name, "--data-dir", c.Dirs.Data}, Env: environment(c),
		LogDir: c.Dirs.Log(), Ready3: true, Changed: b.part, Hold: held,
	}
}

func containerdChild(c config.Config, b *board, held *os.File) *supervise.Child {
	b.expect("containerd")
	return &supervise.Child{
		Title: "containerd", Args: []string{"containerd", "--config", containerd.ConfigFile(c)}, Env: environment(c),
		LogDir: c.Dirs.Log(), Changed: b.part, Hold: held,
		Check: func(ctx context.Context) error {
			cl, err := containerd.Dial(ctx, c.Dirs.ContainerdSocket())
			if err != nil {
				return err
			}
			return cl.Close()
		},
	}
}

// environment lets children find the carried programs first.
func environment(c config.Config) []string {
	return []string{"PATH=" + strings.Join([]string{c.Dirs.Bin(), os.Getenv("PATH"), "/usr/sbin", "/sbin"}, ":")}
}
