package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const cgroupMount = "/sys/fs/cgroup"

// hierarchies lists the mounted cgroup hierarchies: one on a v2 host.
func hierarchies() []string {
	if _, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers")); err == nil {
		return []string{cgroupMount}
	}
	entries, _ := os.ReadDir(cgroupMount) // none: none
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, filepath.Join(cgroupMount, e.Name()))
		}
	}
	return out
}

// makeCgroup makes a cgroup that can stand for the root of each hierarchy.
func makeCgroup(name string) error {
	for _, h := range hierarchies() {
		dir := filepath.Join(h, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if err := equip(h, dir); err != nil {
			return fmt.Errorf("make cgroup %s: %w", dir, err)
		}
	}
	return nil
}

// equip gives a new cgroup what its hierarchy needs: every controller on v2,
// processors and memory nodes on v1's cpuset, where no process can enter an
// empty one.
func equip(h, dir string) error {
	if b, err := os.ReadFile(filepath.Join(h, "cgroup.controllers")); err == nil {
		return enable(string(b), h, dir)
	}
	if filepath.Base(h) != "cpuset" {
		return nil
	}
	for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
		b, err := os.ReadFile(filepath.Join(h, f))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f), b, 0); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.clone_children"), []byte("1"), 0)
}

func enable(controllers string, dirs ...string) error {
	for _, dir := range dirs {
		for c := range strings.FieldsSeq(controllers) {
			err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0)
			if err != nil && slices.Contains([]string{"cpu", "memory", "pids"}, c) {
				return err
			}
		}
	}
	return nil
}

// emptyCgroup removes what is below the cgroup and keeps the cgroup.
func emptyCgroup(name string) error {
	for _, h := range hierarchies() {
		entries, _ := os.ReadDir(filepath.Join(h, name)) // missing: empty
		for _, e := range entries {
			if !e.IsDir() {
				continue
			}
			if err := removeTree(filepath.Join(h, name, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroup removes the cgroup and all below it from every hierarchy.
func removeCgroup(name string) error {
	for _, h := range hierarchies() {
		if err := removeTree(filepath.Join(h, name)); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes the cgroups that match pattern, as far as it can.
func removeCgroups(pattern string) {
	for _, h := range hierarchies() {
		dirs, _ := filepath.Glob(filepath.Join(h, pattern))
		for _, d := range dirs {
			_ = removeTree(d) // somebody's process is still in it
		}
	}
}

// removeTree removes a cgroup from the leaves up. The kernel lets go of the
// dead a moment after they are reaped.
func removeTree(dir string) error {
	var err error
	for range 100 {
		if err = removeOnce(dir); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	return fmt.Errorf("remove cgroup (processes %s): %w", bytes.Fields(procs), err)
}

func removeOnce(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, p)
		}
		return gone(err)
	})
	for _, d := range slices.Backward(dirs) {
		err = errors.Join(err, gone(os.Remove(d)))
	}
	return err
}

// gone forgives that something is no longer there.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
