package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"nagi.dev/engine/config"
)

// layers show the layers of images with the ids of steps: what is of root on
// the disk is of firstID there, and what a step writes as firstID is of root
// on the disk. So images and caches are the same whoever built them.
type layers struct {
	store string // where the snapshotter keeps the layers
	view  string // the same folder, with the ids of steps
	temp  string // what lies here is made for one step

	mu sync.Mutex // one mount point is turned at a time
}

// newLayers makes the view. Its error says why this machine cannot.
func newLayers(c config.Config) (*layers, error) {
	l := &layers{
		store: filepath.Join(c.Dirs.Containerd(), "io.containerd.snapshotter.v1."+snapshotter, "snapshots"),
		view:  filepath.Join(c.Dirs.BuildRun(), "layers", "view"), temp: c.Dirs.BuildTemp(),
	}
	if err := probe(l.temp); err != nil {
		return nil, err
	}
	return l, show(l.store, l.view)
}

// show mounts the folder store at view, with the ids of steps. A step that got
// out must not get there: the folder around it is for root of the machine.
func show(store, view string) error {
	if err := os.MkdirAll(view, 0o700); err != nil {
		return fmt.Errorf("make folder of layers: %w", err)
	}
	users, err := mount.GetUsernsFD(idMap(), idMap())
	if err != nil {
		return fmt.Errorf("make a user namespace: %w", err)
	}
	defer users.Close()
	if err := mount.IDMapMount(store, view, int(users.Fd())); err != nil {
		return fmt.Errorf("show layers with other ids: %w", err)
	}
	return nil
}

// probe tries with empty layers in dir what every step needs: kernels before
// 5.19, and some file systems, cannot.
func probe(dir string) (err error) {
	dir, err = os.MkdirTemp(dir, "probe")
	if err != nil {
		return fmt.Errorf("make folder to try out layers: %w", err)
	}
	l := &layers{store: filepath.Join(dir, "store"), view: filepath.Join(dir, "view")}
	at := filepath.Join(dir, "at")
	for _, d := range []string{at, filepath.Join(l.store, "lower"), filepath.Join(l.store, "upper"), filepath.Join(l.store, "work")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("make folder to try out layers: %w", err)
		}
	}
	defer func() {
		err = errors.Join(err, unmountAll(dir))
		if err == nil {
			err = os.RemoveAll(dir)
		}
	}()
	if err := show(l.store, l.view); err != nil {
		return err
	}
	return l.overlay(at, []string{"lowerdir=lower", "upperdir=upper", "workdir=work"})
}

// turn makes of one mount that BuildKit made for a step the same with the ids
// of steps. before sees what it holds while it has the machine's ids.
func (l *layers) turn(m mount.Mount, before func(dir string) error) (mount.Mount, func() error, error) {
	keep := func() error { return nil }
	switch {
	case m.Type == "overlay":
		return l.lay(m)
	case m.Type != "bind":
		return m, keep, nil // the kernel makes it for the step
	case within(m.Source, l.temp):
		return m, keep, give(m.Source)
	case within(m.Source, l.store):
		var err error
		if !m.ReadOnly() {
			err = before(m.Source)
		}
		m.Source = filepath.Join(l.view, strings.TrimPrefix(m.Source, l.store))
		return m, keep, err
	}
	return m, keep, l.turnOver(m.Source, before)
}

// within tells whether a file lies below dir.
func within(file, dir string) bool { return strings.HasPrefix(file, dir+"/") }

// give makes a file that was made for one step, a secret, the step's own.
func give(file string) error {
	var s unix.Stat_t
	if err := unix.Lstat(file, &s); err != nil {
		return fmt.Errorf("look at %s: %w", file, err)
	}
	if s.Uid >= firstID {
		return nil
	}
	return os.Lchown(file, int(s.Uid)+firstID, int(s.Gid)+firstID)
}

// lay mounts layers that only this step mounts.
func (l *layers) lay(m mount.Mount) (mount.Mount, func() error, error) {
	options, ok := relative(m.Options, l.store)
	if !ok {
		return m, nil, fmt.Errorf("mount layers: %q do not lie in %s", m.Options, l.store)
	}
	dir, err := os.MkdirTemp(l.temp, "layers")
	if err != nil {
		return m, nil, fmt.Errorf("mount layers: %w", err)
	}
	if err := l.overlay(dir, options); err != nil {
		return m, nil, errors.Join(err, os.Remove(dir))
	}
	undo := func() error { return errors.Join(unix.Unmount(dir, unix.MNT_DETACH), os.Remove(dir)) }
	return mount.Mount{Type: "bind", Source: dir, Options: append([]string{"rbind"}, readonly(m)...)}, undo, nil
}

func readonly(m mount.Mount) []string {
	if m.ReadOnly() {
		return []string{"ro"}
	}
	return nil
}

// turnOver mounts the overlay at the mount point at anew, with the ids of
// steps. BuildKit mounts what is written to once, and hands the mount point to
// every step that shares it; so it may be turned already.
func (l *layers) turnOver(at string, before func(dir string) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(at))
	if err != nil {
		return fmt.Errorf("look at mount %s: %w", at, err)
	}
	if len(found) == 0 || found[0].FSType != "overlay" {
		return fmt.Errorf("look at mount %s: no layers are mounted there", at)
	}
	options, ok := relative(strings.Split(found[0].VFSOptions, ","), l.store)
	if !ok {
		return nil
	}
	if err := before(at); err != nil {
		return err
	}
	if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", at, err)
	}
	return l.overlay(at, options)
}

// overlay mounts layers of the view at target. What an overlay does by itself,
// copies and marks of what is gone, the kernel does as whoever mounted it: so
// that is root of the steps, with the capabilities of the machine's. The
// thread that was both ends with that.
func (l *layers) overlay(target string, options []string) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends
		done <- l.overlayHere(target, options)
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("mount layers at %s: %w", target, err)
	}
	return nil
}

func (l *layers) overlayHere(target string, options []string) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if err := unix.Chdir(l.view); err != nil { // short names: they must fit into one page
		return err
	}
	if err := writeAs(firstID); err != nil {
		return err
	}
	return unix.Mount("overlay", target, "overlay", 0, strings.Join(options, ","))
}

// writeAs makes id the owner of what this thread writes, and keeps its
// capabilities.
func writeAs(id int) error {
	if _, err := unix.SetfsgidRetGid(id); err != nil {
		return err
	}
	if _, err := unix.SetfsuidRetUid(id); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return err
	}
	caps[0].Effective, caps[1].Effective = caps[0].Permitted, caps[1].Permitted
	return unix.Capset(&header, &caps[0])
}
