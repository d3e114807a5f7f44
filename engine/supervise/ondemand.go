package supervise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// An OnDemand is a child that runs only while somebody asks for it: the
// supervisor holds the socket, and starts the child, with the socket on file
// descriptor 5, once a connection waits there. The child ends by itself when
// it is no longer needed.
type OnDemand struct {
	Child
	Socket string // a Unix socket that only its owner may open

	// Clean removes what a life of the child may have left: it runs before
	// the first one, and after each that did not end by itself.
	Clean func(context.Context)

	listener *net.UnixListener
	watched  *os.File // the listener once more, to wait for connections
}

// Start implements run.Part.
func (o *OnDemand) Start(ctx context.Context) error {
	o.Clean(ctx)
	if err := os.Remove(o.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("make socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: o.Socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("make socket: %w", err)
	}
	if err := os.Chmod(o.Socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("close socket to others: %w", err), l.Close())
	}
	watched, err1 := l.File()
	handed, err2 := l.File()
	if err := errors.Join(err1, err2); err != nil {
		return errors.Join(fmt.Errorf("hand on socket: %w", err), l.Close())
	}
	o.listener, o.watched, o.More = l, watched, []*os.File{handed}
	keep, cancel := context.WithCancel(context.Background())
	o.cancel, o.done, o.ready = cancel, make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the kernel ties a child's life to it
		defer close(o.done)
		o.serve(keep)
	}()
	return nil
}

// Ready implements run.Readier: the socket is there, the child comes later.
func (o *OnDemand) Ready(context.Context) error { return nil }

// Stop implements run.Part.
func (o *OnDemand) Stop(ctx context.Context) error {
	if o.listener == nil {
		return nil
	}
	o.cancel()
	_ = o.watched.Close() // it wakes who waits
	err := o.Child.Stop(ctx)
	o.listener, err = nil, errors.Join(err, o.More[0].Close(), o.listener.Close())
	return err
}

// serve runs the child for as long as anybody asks.
func (o *OnDemand) serve(ctx context.Context) {
	for waiting(o.watched) && ctx.Err() == nil {
		err := o.run(ctx)
		if err == nil || errors.Is(err, errEnded) || ctx.Err() != nil {
			continue
		}
		o.Clean(ctx)
		o.turnAway()
	}
}

// turnAway closes the connections that wait for a child that failed, so that
// who asks learns of it.
func (o *OnDemand) turnAway() {
	for pending(o.watched) {
		c, err := o.listener.Accept()
		if err != nil {
			return
		}
		_ = c.Close()
	}
}

// waiting blocks until a connection waits at l; false: l is closed.
func waiting(l *os.File) bool {
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	return raw.Read(readable) == nil
}

// pending tells whether a connection waits at l now. Accept alone would not
// do: with a child that has the socket too, it may block.
func pending(l *os.File) bool {
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	yes := false
	return raw.Control(func(fd uintptr) { yes = readable(fd) }) == nil && yes
}

func readable(fd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}
