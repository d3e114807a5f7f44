package loop

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff

// Dial connects to host:port or unix:/path. The handler hears Open, or Closed
// with the reason; never before Dial has returned. What is written before Open
// goes out after it. A name is resolved by a goroutine, and its addresses are
// tried in order; all within the timeout.
func (l *Loop) Dial(address string, timeout time.Duration, h Handler) *Conn {
	c := &Conn{l: l, h: h, fd: -1}
	c.timer = l.After(timeout, func() {
		if c.state == opening {
			c.fail(os.ErrDeadlineExceeded)
		}
	})
	sa, err := literal(address)
	switch {
	case err != nil:
		c.fail(err)
	case sa == nil:
		l.resolving[c] = true
		go l.lookUp(c, address, timeout)
	default:
		if err := l.connect(c, sa); err != nil {
			c.fail(err)
		}
	}
	return c
}

func (l *Loop) lookUp(c *Conn, address string, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	all, err := resolve(ctx, address)
	l.Post(func() {
		delete(l.resolving, c)
		for _, sa := range all {
			if c.state != opening || l.stopped {
				return
			}
			if err = l.connect(c, sa); err == nil {
				return
			}
		}
		if c.state == opening {
			c.fail(err)
		}
	})
}

// connect begins to connect.
func (l *Loop) connect(c *Conn, sa unix.Sockaddr) error {
	fd, err := unix.Socket(family(sa), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if family(sa) != unix.AF_UNIX {
		tune(fd)
	}
	err = unix.Connect(fd, sa)
	if err == nil || errors.Is(err, unix.EINPROGRESS) {
		err = l.add(fd, edges, c)
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	c.fd = int32(fd)
	return nil
}

// connected tells what became of a connect.
func (c *Conn) connected() {
	if err := connectError(c.fd); err != nil {
		c.fail(err)
		return
	}
	c.timer.Stop()
	c.timer = nil
	c.state = open
	if len(c.out) > 0 || c.halved {
		c.mark()
	}
	c.h.Open(c)
}
