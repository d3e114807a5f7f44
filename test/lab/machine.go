package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// CgroupRootEnv names the variable that tells programs in a machine which
// cgroup stands for the root of the hierarchies.
const CgroupRootEnv = "NAGI_CGROUP_ROOT"

// Options says how a machine is. The zero Options is a machine by itself: it
// has a loopback device and nothing else.
type Options struct {
	// Address joins the machine to the lab's switch, as eth0:
	// "192.0.2.11/24". The zero Prefix: no eth0.
	Address netip.Prefix

	// Disk bounds /var/lib, in bytes. 0: the host's disk, no bound. A bounded
	// disk is in memory and empty after a power-off.
	Disk int64
}

// A Machine is a set of namespaces with processes of its own. All methods may
// be called from any goroutine.
type Machine struct {
	lab     *Lab
	name    string
	dir     string // what outlives a power-off
	cgroup  string // "/nagi-lab-1234-one"
	options Options

	mu    sync.Mutex // guards the rest
	boots int
	pull  func()    // takes this boot off the switch; nil: it is not on it
	init  *exec.Cmd // PID 1; nil while the power is off
	life  io.Closer // PID 1 ends when this is closed
	pidfd int
	gone  chan struct{} // closed when nothing of the machine runs
}

// The folders of a machine that are its own and outlive a power-off.
var ownFolders = []string{"var-lib", "var-log", "etc", "etc-work", "home"}

func (m *Machine) prepare() error {
	for _, d := range append([]string{"cg", "proc", "run"}, ownFolders...) {
		if err := os.MkdirAll(filepath.Join(m.dir, d), 0o755); err != nil {
			return err
		}
	}
	etc := filepath.Join(m.dir, "etc")
	if err := hide(filepath.Join(etc, "nagi")); err != nil {
		return err
	}
	hosts := "127.0.0.1\tlocalhost " + m.name + "\n::1\tlocalhost\n"
	return errors.Join(
		os.WriteFile(filepath.Join(etc, "resolv.conf"), nil, 0o644),
		os.WriteFile(filepath.Join(etc, "hosts"), []byte(hosts), 0o644),
		os.WriteFile(filepath.Join(etc, "hostname"), []byte(m.name+"\n"), 0o644),
		makeCgroup(m.cgroup),
	)
}

// Name is the machine's host name.
func (m *Machine) Name() string { return m.name }

// Home is the folder that $HOME names inside, under the same path on the host.
func (m *Machine) Home() string { return filepath.Join(m.dir, "home") }

// PowerOn makes new namespaces over the machine's folders and starts its
// PID 1. A machine that is on stays as it is.
func (m *Machine) PowerOn(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.init != nil {
		return nil
	}
	if err := m.boot(); err != nil {
		return fmt.Errorf("power on %s: %w", m.name, err)
	}
	if m.options.Address.IsValid() {
		if err := m.plug(ctx); err != nil {
			m.cut()
			return fmt.Errorf("power on %s: join the switch: %w", m.name, err)
		}
	}
	return nil
}

// boot starts PID 1 and waits until it has made its mounts.
func (m *Machine) boot() error {
	m.boots++
	p, err := startInit(order{Name: m.name, Dir: m.dir, Disk: m.options.Disk, Mounts: true})
	if err != nil {
		return err
	}
	m.init, m.life, m.pidfd, m.gone = p.cmd, p.life, p.pidfd, p.gone
	return nil
}

// PowerOff kills PID 1, and with it everything in the machine, at once. It
// returns when nothing of it runs. Off already is fine.
func (m *Machine) PowerOff() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.init == nil {
		return nil
	}
	gone := m.gone
	m.cut()
	select {
	case <-gone:
	case <-time.After(time.Minute):
		return fmt.Errorf("power off %s: its processes did not end within a minute", m.name)
	}
	m.unplug()
	return emptyCgroup(m.cgroup)
}

// cut kills PID 1. The caller holds the lock.
func (m *Machine) cut() {
	_ = m.init.Process.Kill() // gone already is what we want
	_ = m.life.Close()
	_ = unix.Close(m.pidfd)
	m.init = nil
}

// handle returns a descriptor of PID 1, for setns; the caller closes it.
func (m *Machine) handle() (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.init == nil {
		return -1, fmt.Errorf("enter %s: its power is off", m.name)
	}
	return unix.FcntlInt(uintptr(m.pidfd), unix.F_DUPFD_CLOEXEC, 0)
}

// PID is PID 1 of the machine as the host counts it; 0 while the power is off.
func (m *Machine) PID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.init == nil {
		return 0
	}
	return m.init.Process.Pid
}

// environ is what programs in the machine find in their environment.
func (m *Machine) environ() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + m.Home(), "LANG=C.UTF-8", "TERM=dumb",
		CgroupRootEnv + "=" + m.cgroup,
	}
}

// host returns where the host finds the file that the machine calls name:
// through PID 1 while the power is on, else in the machine's own folders.
func (m *Machine) host(name string) (string, error) {
	if pid := m.PID(); pid != 0 {
		return filepath.Join("/proc", strconv.Itoa(pid), "root", name), nil
	}
	name = filepath.Clean(name)
	for own, dir := range map[string]string{"/var/lib/": "var-lib", "/var/log/": "var-log", "/etc/": "etc"} {
		if rest, ok := strings.CutPrefix(name, own); ok {
			return filepath.Join(m.dir, dir, rest), nil
		}
	}
	return "", fmt.Errorf("%s of machine %s is gone with the power", name, m.name)
}
