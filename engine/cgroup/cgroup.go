// Package cgroup makes the root of all pods' cgroups, on a machine with
// cgroup v1 or v2. It sets no limit. Start with Make.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is where the hierarchies are.
const Mount = "/sys/fs/cgroup"

// needed are the controllers that the kubelet uses on v2.
var needed = []string{"cpu", "cpuset", "memory", "pids", "io"}

// V2 tells whether this machine has the unified hierarchy alone.
func V2() bool {
	var s unix.Statfs_t
	return unix.Statfs(Mount, &s) == nil && s.Type == unix.CGROUP2_SUPER_MAGIC
}

// Make makes root ("/nagi") in every hierarchy and gives it every controller
// that pods need.
func Make(root string) error {
	if V2() {
		return makeV2(root)
	}
	return makeV1(root)
}

// hierarchies lists the mounted ones. A v1 machine may have an empty v2 one
// beside them, which runc uses without being asked.
func hierarchies() ([]string, error) {
	entries, err := os.ReadDir(Mount)
	if err != nil {
		return nil, fmt.Errorf("list cgroup hierarchies: %w", err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, filepath.Join(Mount, e.Name()))
		}
	}
	return out, nil
}

func makeV1(root string) error {
	hs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range hs {
		dir := filepath.Join(h, root)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make cgroup %s: %w", dir, err)
		}
		switch filepath.Base(h) {
		case "cpuset":
			err = inheritCpuset(h, dir)
		case "memory":
			// Newer kernels know only hierarchical accounting and refuse the write.
			_ = os.WriteFile(filepath.Join(dir, "memory.use_hierarchy"), []byte("1"), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inheritCpuset fills what a new v1 cpuset leaves empty; no process can enter
// an empty one.
func inheritCpuset(parent, dir string) error {
	for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
		b, err := os.ReadFile(filepath.Join(parent, f))
		if err != nil {
			return fmt.Errorf("read %s: %w", f, err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), bytes.TrimSpace(b), 0); err != nil {
			return fmt.Errorf("set %s of %s: %w", f, dir, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.clone_children"), []byte("1"), 0)
}

func makeV2(root string) error {
	if err := delegate(Mount); errors.Is(err, unix.EBUSY) {
		// Inside a container the root holds processes, which forbids delegation.
		if err := evacuate(); err != nil {
			return err
		}
		if err := delegate(Mount); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	dir := filepath.Join(Mount, root)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make cgroup %s: %w", dir, err)
	}
	return delegate(dir)
}

// delegate lets the children of dir use every needed controller it has.
func delegate(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("read controllers of %s: %w", dir, err)
	}
	for _, c := range needed {
		if !bytes.Contains(append(have, ' '), []byte(c)) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
			return fmt.Errorf("delegate cgroup controller %s in %s: %w", c, dir, err)
		}
	}
	return nil
}

func evacuate() error {
	leaf := filepath.Join(Mount, "nagi-init")
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return fmt.Errorf("make cgroup %s: %w", leaf, err)
	}
	pids, err := os.ReadFile(filepath.Join(Mount, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("list processes of the root cgroup: %w", err)
	}
	for _, pid := range strings.Fields(string(pids)) {
		// A process may have ended meanwhile; a kernel thread stays.
		_ = os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(pid), 0)
	}
	return nil
}

// Remove takes root and everything below it away. Processes in it must have
// ended.
func Remove(root string) error {
	if V2() {
		return removeTree(filepath.Join(Mount, root))
	}
	hs, err := hierarchies()
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range hs {
		errs = append(errs, removeTree(filepath.Join(h, root)))
	}
	return errors.Join(errs...)
}

// removeTree removes folders only, leaves first: files of a cgroup cannot be
// removed.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}

// Processes lists the processes in root and below.
func Processes(root string) ([]int, error) {
	base := filepath.Join(Mount, root)
	if !V2() {
		base = filepath.Join(Mount, "pids", root)
	}
	var pids []int
	err := filepath.WalkDir(base, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return nil // gone meanwhile
		}
		b, _ := os.ReadFile(p)
		for f := range strings.FieldsSeq(string(b)) {
			var pid int
			if _, err := fmt.Sscan(f, &pid); err == nil {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, err
}
