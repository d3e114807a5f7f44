package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// loopbackUp brings up lo in the namespace of the calling process.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	defer unix.Close(s) //nolint:errcheck // only asked
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	r.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	return nil
}

// A wire is the switch between the machines: a namespace with one bridge.
type wire struct{ proc *process }

const bridge = "br0"

func newWire(ctx context.Context) (*wire, error) {
	p, err := startInit(order{Name: "switch"})
	if err != nil {
		return nil, fmt.Errorf("make switch: %w", err)
	}
	w := &wire{proc: p}
	if err := w.ip(ctx, "link add "+bridge+" type bridge", "link set "+bridge+" up"); err != nil {
		p.kill()
		return nil, fmt.Errorf("make switch: %w", err)
	}
	return w, nil
}

func (w *wire) close() error {
	w.proc.kill()
	return nil
}

// ip gives orders to ip(8) in the namespace of the switch.
func (w *wire) ip(ctx context.Context, orders ...string) error {
	return inNetwork(ctx, w.proc.pidfd, orders...)
}

// inNetwork gives orders to ip(8) in the network namespace of a process.
func inNetwork(ctx context.Context, pidfd int, orders ...string) error {
	done := make(chan error, 1)
	go func() {
		lockForever()
		done <- join(pidfd, unix.CLONE_NEWNET, func() error {
			c := exec.CommandContext(ctx, "ip", "-batch", "-")
			c.Stdin = strings.NewReader(strings.Join(orders, "\n") + "\n")
			out, err := c.CombinedOutput()
			if err != nil {
				return fmt.Errorf("ip %s: %w: %s", strings.Join(orders, "; "), err, out)
			}
			return nil
		})
	}()
	return <-done
}

// plug gives the machine an eth0 on the lab's switch. The caller holds the
// machine's lock. Ends are named anew at each boot: those of the last one may
// live a moment longer. The hardware address stays, as a real machine's does.
func (m *Machine) plug(ctx context.Context) error {
	w, port, err := m.lab.port(ctx, m)
	if err != nil {
		return err
	}
	near := fmt.Sprintf("p%db%d", port, m.boots)
	m.pull = func() { _ = w.ip(context.Background(), "link del "+near) } // gone already is fine
	err = w.ip(ctx,
		fmt.Sprintf("link add %s type veth peer name eth0 address 02:4e:61:67:69:%02x netns %d", near, port, m.init.Process.Pid),
		"link set "+near+" master "+bridge+" up")
	if err != nil {
		return err
	}
	return inNetwork(ctx, m.pidfd, "addr add "+m.options.Address.String()+" dev eth0", "link set eth0 up")
}

// unplug takes the machine off the switch. Its namespace may outlive it by a
// moment, and would still answer at its address.
func (m *Machine) unplug() {
	if m.pull != nil {
		m.pull()
		m.pull = nil
	}
}

// port returns the switch and the number of the machine's port on it.
func (l *Lab) port(ctx context.Context, m *Machine) (*wire, int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wire == nil {
		w, err := newWire(ctx)
		if err != nil {
			return nil, 0, err
		}
		l.wire = w
	}
	for i, other := range l.machines {
		if other == m {
			return l.wire, i, nil
		}
	}
	return nil, 0, errors.New("the lab is closed")
}
