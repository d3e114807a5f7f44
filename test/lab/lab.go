package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// prefix starts the name of every folder and cgroup that a lab makes.
const prefix = "nagi-lab-"

// A Lab is a set of machines and the switch that joins them.
type Lab struct {
	id   string // "nagi-lab-1234", unique on this host
	dir  string // holds the data of all machines
	lock *os.File

	mu       sync.Mutex // guards the rest
	machines []*Machine
	wire     *wire // nil until two machines want to talk
}

// New opens a lab that ends with the test. The test's package must call Main
// from its TestMain. Without root the test fails.
func New(t testing.TB) *Lab {
	t.Helper()
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Open opens a lab outside of a test. The program must call Init first thing
// in main. The data lies below $TMPDIR, else /var/tmp: it must be a real disk,
// because overlay file systems do not stack.
func Open() (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("open lab: machines are made of namespaces, which needs root: run the tests as root")
	}
	if !initialised {
		return nil, errors.New("open lab: call lab.Main in TestMain, or lab.Init first thing in main")
	}
	base := dataBase()
	sweep(base)
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	return &Lab{id: filepath.Base(dir), dir: dir, lock: lock}, nil
}

func dataBase() string {
	if d := os.Getenv("TMPDIR"); d != "" {
		return d
	}
	return "/var/tmp"
}

// Dir is the lab's folder on the host. Machines see it under the same path.
func (l *Lab) Dir() string { return l.dir }

// Machine makes a machine and powers it on; t fails when that does not work.
func (l *Lab) Machine(t testing.TB, name string, o Options) *Machine {
	t.Helper()
	m, err := l.Add(context.WithoutCancel(t.Context()), name, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Add makes a machine and powers it on.
func (l *Lab) Add(ctx context.Context, name string, o Options) (*Machine, error) {
	m := &Machine{lab: l, name: name, options: o, dir: filepath.Join(l.dir, name), cgroup: "/" + l.id + "-" + name}
	if err := m.prepare(); err != nil {
		return nil, fmt.Errorf("make machine %s: %w", name, err)
	}
	l.mu.Lock()
	l.machines = append(l.machines, m)
	l.mu.Unlock()
	if err := m.PowerOn(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Close powers off every machine and removes all that the lab made.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, m := range l.machines {
		errs = append(errs, m.PowerOff(), removeCgroup(m.cgroup))
	}
	if l.wire != nil {
		errs = append(errs, l.wire.close())
	}
	l.machines, l.wire = nil, nil
	errs = append(errs, removeAll(l.dir), l.lock.Close())
	return errors.Join(errs...)
}

// lockFolder marks dir as in use for as long as this process lives. The file
// gets its name only when it is locked, so that no sweeper sees it unlocked.
func lockFolder(dir string) (*os.File, error) {
	tmp := filepath.Join(dir, "lock.new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	return f, os.Rename(tmp, filepath.Join(dir, "lock"))
}

// sweep removes the labs of processes that died before they could.
func sweep(base string) {
	locks, _ := filepath.Glob(filepath.Join(base, prefix+"*", "lock"))
	for _, name := range locks {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			dir := filepath.Dir(name)
			removeCgroups(filepath.Base(dir) + "-*")
			_ = removeAll(dir) // the next lab tries again
		}
		_ = f.Close() // only locked
	}
}
