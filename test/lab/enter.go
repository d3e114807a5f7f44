package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// inside calls f on a thread that has joined the machine's namespaces, and
// gives that thread up afterwards: nobody else ever runs on it.
func (m *Machine) inside(namespaces int, f func() error) error {
	fd, err := m.handle()
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // only a handle
	done := make(chan error, 1)
	go func() {
		lockForever()
		done <- join(fd, namespaces, f)
	}()
	return <-done
}

// lockForever binds the goroutine to its thread, which ends with it.
func lockForever() { runtime.LockOSThread() }

func join(fd, namespaces int, f func() error) error {
	if namespaces&unix.CLONE_NEWNS != 0 {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns wants a root of its own
			return fmt.Errorf("enter machine: %w", err)
		}
	}
	if err := unix.Setns(fd, namespaces); err != nil {
		return fmt.Errorf("enter machine: %w", err)
	}
	return f()
}

// Dial connects from inside the machine. The address must be an IP.
func (m *Machine) Dial(network, addr string) (net.Conn, error) {
	return m.DialContext(context.Background(), network, addr)
}

// DialContext connects from inside the machine. The address must be an IP. It
// fits rest.Config and http.Transport.
func (m *Machine) DialContext(ctx context.Context, network, addr string) (c net.Conn, err error) {
	err = m.inside(unix.CLONE_NEWNET, func() error {
		var d net.Dialer
		c, err = d.DialContext(ctx, network, addr)
		return err
	})
	return c, err
}

// Listen listens inside the machine. The address must be an IP.
func (m *Machine) Listen(network, addr string) (l net.Listener, err error) {
	err = m.inside(unix.CLONE_NEWNET, func() error {
		l, err = net.Listen(network, addr)
		return err
	})
	return l, err
}

// A Cmd is a command that runs inside a machine. Use it as an exec.Cmd; its
// process dies with the machine.
type Cmd struct {
	*exec.Cmd
	machine *Machine
	done    chan struct{}
	err     error // of Wait; read after done
}

// Command returns a command that will run inside the machine, with the
// machine's environment and / as its folder.
func (m *Machine) Command(ctx context.Context, argv ...string) *Cmd {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Env, c.Dir = m.environ(), "/"
	c.WaitDelay = 5 * time.Second // for orphans that keep its output open
	return &Cmd{Cmd: c, machine: m}
}

// Start starts the command. Its end is noticed whether anyone waits or not:
// a zombie would keep the machine from powering off.
func (c *Cmd) Start() error {
	if err := c.machine.inside(namespaces, c.Cmd.Start); err != nil {
		return err
	}
	c.done = make(chan struct{})
	go func() {
		if c.err = c.Cmd.Wait(); errors.Is(c.err, exec.ErrWaitDelay) {
			c.err = nil
		}
		close(c.done)
	}()
	return nil
}

// Wait waits for the command to end. It may be called more than once.
func (c *Cmd) Wait() error {
	<-c.done
	return c.err
}

// Run starts the command and waits for it.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}
