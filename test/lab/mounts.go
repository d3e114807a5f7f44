package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// globals are settings of the kernel that no namespace holds and that a
// kubelet writes: the machine gets a file of its own over each.
var globals = []string{"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"}

// mount makes the machine's view of the disk. Nothing of it reaches the host,
// and all of it ends with the machine.
func (o order) mount() error {
	steps := []struct {
		what string
		do   func() error
	}{
		{"part from the host's mounts", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount /proc", func() error { return unix.Mount("proc", "/proc", "proc", 0, "") }},
		{"mount a whole /proc", o.mountWholeProc},
		{"mount /sys", o.mountSys},
		{"mount /run", func() error { return unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID, "mode=755") }},
		{"mount /var/lib", o.mountVarLib},
		{"mount /var/log", func() error { return bind(filepath.Join(o.Dir, "var-log"), "/var/log") }},
		{"mount /etc", o.mountEtc},
		{"cover kernel settings", o.coverGlobals},
		{"share mounts inside", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "") }},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return os.Chdir("/")
}

func bind(from, to string) error { return unix.Mount(from, to, "", unix.MS_BIND, "") }

func bindAll(from, to string) error { return unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "") }

// mountWholeProc mounts a second /proc, nothing of which is covered: the kernel
// lets user namespaces of the machine mount one of their own only then.
func (o order) mountWholeProc() error {
	return unix.Mount("proc", filepath.Join(o.Dir, "proc"), "proc", 0, "")
}

// mountSys gives /sys a view of the machine's own network and carries the
// cgroup hierarchies over, which a new sysfs does not have.
func (o order) mountSys() error {
	const cgroups = "/sys/fs/cgroup"
	aside := filepath.Join(o.Dir, "cg")
	if err := bindAll(cgroups, aside); err != nil {
		return err
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return err
	}
	if err := bindAll(aside, cgroups); err != nil {
		return err
	}
	return unix.Unmount(aside, unix.MNT_DETACH)
}

func (o order) mountVarLib() error {
	if o.Disk > 0 {
		return unix.Mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=755,size="+strconv.FormatInt(o.Disk, 10))
	}
	return bind(filepath.Join(o.Dir, "var-lib"), "/var/lib")
}

// mountEtc lets the machine write to /etc without the host seeing it.
func (o order) mountEtc() error {
	data := fmt.Sprintf("lowerdir=/etc,upperdir=%s/etc,workdir=%s/etc-work", o.Dir, o.Dir)
	err := unix.Mount("overlay", "/etc", "overlay", 0, data)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w: overlayfs does not stack on %s: set TMPDIR to a folder of a real disk", err, o.Dir)
	}
	return err
}

// hide makes an empty folder of an overlay's upper side that covers what the
// host has there: a server of the host is none of the machine's business.
func hide(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Setxattr(dir, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		return fmt.Errorf("hide the host's %s: %w", filepath.Base(dir), err)
	}
	return nil
}

func (o order) coverGlobals() error {
	for i, g := range globals {
		now, err := os.ReadFile("/proc/sys/" + g)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		own := filepath.Join(o.Dir, "run", "sysctl"+strconv.Itoa(i))
		if err := errors.Join(err, os.WriteFile(own, now, 0o644)); err != nil {
			return err
		}
		if err := bind(own, "/proc/sys/"+g); err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes dir. The mounts of a machine that just died may hold it
// for a moment.
func removeAll(dir string) error {
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("remove lab folder: %w", err)
}
