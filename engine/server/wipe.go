package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nagi.dev/engine/cgroup"
	"nagi.dev/engine/cni"
	"nagi.dev/engine/config"
	"nagi.dev/engine/hold"
	"nagi.dev/engine/netpol"
	"nagi.dev/internal/layout"
)

// Wipe removes all that a stopped server left on this machine. It goes on
// after a fault, so that as little as possible is left, and reports every
// one.
func Wipe(ctx context.Context, d layout.Dirs, progress func(string)) error {
	c, err := config.Read(d)
	if err != nil {
		c = config.Config{Dirs: d, CgroupRoot: "/nagi"} // powered off since: the usual names
	}
	held, err := hold.Take(d)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if held != nil {
		defer held.Close()
	}
	var errs []error
	step := func(what string, do func() error) {
		progress(what)
		if err := do(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	if !c.ControlOnly {
		step("end containers", func() error { return endContainers(ctx, c) })
		step("unmount volumes", func() error { return unmountBelow(d.Data, d.Run, podNetworks) })
		step("remove the network of pods", removeNetwork)
		step("remove control groups", func() error { return cgroup.Remove(c.CgroupRoot) })
	}
	step("remove files", func() error { return removeFiles(d) })
	return errors.Join(errs...)
}

// endContainers kills what is left in the pods' control groups, then the
// shims that held it.
func endContainers(ctx context.Context, c config.Config) error {
	socket := "-address " + c.Dirs.ContainerdSocket()
	for {
		pids, err := cgroup.Processes(c.CgroupRoot)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		shims := processes(func(cmd string) bool {
			return strings.Contains(cmd, "containerd-shim") && strings.Contains(cmd, socket)
		})
		if pids = append(pids, shims...); len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL) // it may be gone by now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d processes do not end: %w", len(pids), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// processes lists those of this machine whose command line fits. A container
// that is a machine of its own may run another server with the same paths: its
// processes are seen here too, and are none of ours.
func processes(fits func(string) bool) []int {
	own, _ := os.Readlink("/proc/self/ns/pid")
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well formed
	var pids []int
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || !fits(strings.ReplaceAll(string(b), "\x00", " ")) {
			continue
		}
		var pid int
		space, _ := os.Readlink(filepath.Join(filepath.Dir(f), "ns", "pid"))
		if _, err := fmt.Sscanf(f, "/proc/%d/", &pid); err == nil && space == own {
			pids = append(pids, pid)
		}
	}
	return pids
}

// podNetworks is where containerd keeps the network namespaces of pods.
const podNetworks = "/var/run/netns"

// unmountBelow detaches every mount below the folders, deepest first. Of the
// network namespaces it takes only those that containerd made.
func unmountBelow(dirs ...string) error {
	points, err := mounts()
	if err != nil {
		return err
	}
	slices.SortFunc(points, func(a, b string) int { return len(b) - len(a) })
	var errs []error
	for _, p := range points {
		inside := slices.ContainsFunc(dirs, func(d string) bool { return d != podNetworks && strings.HasPrefix(p, d+"/") })
		pod := strings.HasPrefix(filepath.Base(p), "cni-") && filepath.Base(filepath.Dir(p)) == "netns"
		if !inside && !pod {
			continue
		}
		if err := unix.Unmount(p, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", p, err))
		}
		if pod {
			errs = append(errs, os.RemoveAll(p))
		}
	}
	return errors.Join(errs...)
}

func mounts() ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if words := strings.Fields(s.Text()); len(words) > 4 {
			out = append(out, strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(words[4]))
		}
	}
	return out, nil
}

// tables are those that kube-proxy, the CNI plugins, the load balancer and
// network policies make.
var tables = []string{
	"ip kube-proxy", "ip6 kube-proxy", "inet cni_hostport", "ip nagi-servicelb", "ip " + netpol.Table, "ip " + cni.Table,
}

func removeNetwork() error {
	var errs []error
	for _, t := range tables {
		words := strings.Fields(t)
		if exec.Command("nft", append([]string{"list", "table"}, words...)...).Run() != nil {
			continue // not there
		}
		if out, err := exec.Command("nft", append([]string{"delete", "table"}, words...)...).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("remove table %s: %w: %s", t, err, out))
		}
	}
	return errors.Join(append(errs, cni.Down())...)
}

func removeFiles(d layout.Dirs) error {
	errs := []error{os.RemoveAll(d.Run), removeAll(d.Data), os.RemoveAll(d.Kubeconfig)}
	_ = os.Remove(filepath.Dir(d.Kubeconfig))             // it stays while a person keeps settings there
	logs, _ := filepath.Glob("/var/log/containers/*.log") // links of the kubelet
	for _, l := range logs {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, d.Data) {
			errs = append(errs, os.Remove(l))
		}
	}
	return errors.Join(errs...)
}

// removeAll leaves an empty folder where a disk of its own is mounted.
func removeAll(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err := os.Remove(dir); !errors.Is(err, unix.EBUSY) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
