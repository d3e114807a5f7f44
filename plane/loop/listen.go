package loop

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	backlog   = 1024
	perAccept = 64 // connections taken in one go, before others get a turn
)

// A Listener accepts connections.
type Listener struct {
	l       *Loop
	fd      int
	path    string // of a Unix socket: removed at the end
	address netip.AddrPort
	accept  func(c *Conn) Handler
	unix    bool
	conns   int
	total   uint64
}

// Listen opens host:port, :port (both families) or unix:/path. accept is asked
// for the handler of each connection; nil refuses it. A path where nobody
// listens any more is taken over.
func (l *Loop) Listen(address string, accept func(c *Conn) Handler) (*Listener, error) {
	sa, err := literal(address)
	if err == nil && sa == nil {
		sa, err = named(address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	n := &Listener{l: l, accept: accept}
	if err := n.open(sa, strings.HasPrefix(address, ":")); err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	return n, nil
}

// named resolves the name of a listener, which blocks: it is localhost, most often.
func named(address string) (unix.Sockaddr, error) {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	return sockaddr(a.AddrPort())
}

func (n *Listener) open(sa unix.Sockaddr, any bool) error {
	if s, ok := sa.(*unix.SockaddrUnix); ok {
		n.unix, n.path = true, s.Name
		if err := takeOver(s); err != nil {
			return err
		}
	}
	fd, err := unix.Socket(family(sa), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) && any { // a kernel without IPv6
		sa = &unix.SockaddrInet4{Port: sa.(*unix.SockaddrInet6).Port}
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	n.fd = fd
	if err := n.bind(sa, any); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return nil
}

func (n *Listener) bind(sa unix.Sockaddr, any bool) error {
	_ = unix.SetsockoptInt(n.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if family(sa) == unix.AF_INET6 {
		only := 1
		if any {
			only = 0
		}
		_ = unix.SetsockoptInt(n.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	if err := unix.Bind(n.fd, sa); err != nil {
		return err
	}
	if err := unix.Listen(n.fd, backlog); err != nil {
		return err
	}
	if got, err := unix.Getsockname(n.fd); err == nil {
		n.address = addrPort(got)
	}
	return n.l.add(n.fd, unix.EPOLLIN, n)
}

// takeOver removes the socket that a dead process left.
func takeOver(s *unix.SockaddrUnix) error {
	i, err := os.Lstat(s.Name)
	if err != nil || i.Mode()&os.ModeSocket == 0 {
		return nil // bind says what is wrong
	}
	c, err := net.DialTimeout("unix", s.Name, time.Second)
	if err == nil {
		_ = c.Close()
		return unix.EADDRINUSE
	}
	return os.Remove(s.Name)
}

// Address is where n listens, with the port that the kernel chose for 0.
func (n *Listener) Address() netip.AddrPort { return n.address }

// Conns is how many connections that n accepted are open.
func (n *Listener) Conns() int { return n.conns }

// Accepted is how many connections n has accepted.
func (n *Listener) Accepted() uint64 { return n.total }

// SetAccept puts another function in charge of new connections.
func (n *Listener) SetAccept(accept func(c *Conn) Handler) { n.accept = accept }

// Chmod sets the mode of a Unix socket.
func (n *Listener) Chmod(mode os.FileMode) error {
	if !n.unix {
		return nil
	}
	return os.Chmod(n.path, mode)
}

// Close ends listening. Connections stay. Twice is fine.
func (n *Listener) Close() {
	if n.fd < 0 {
		return
	}
	n.l.fds[n.fd] = nil
	_ = unix.Close(n.fd)
	n.fd = -1
	if n.unix {
		_ = os.Remove(n.path)
	}
}

func (n *Listener) event(l *Loop, _ uint32) {
	for range perAccept {
		if n.fd < 0 {
			return
		}
		fd, _, err := unix.Accept4(n.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOBUFS) {
			n.rest()
			return
		}
		if err != nil {
			return
		}
		n.take(fd)
	}
}

// rest leaves new connections in the queue for a moment: there is no descriptor
// for them, and trying without end would take the time of the others.
func (n *Listener) rest() {
	_ = unix.EpollCtl(n.l.ep, unix.EPOLL_CTL_DEL, n.fd, nil)
	n.l.After(100*time.Millisecond, func() {
		if n.fd >= 0 {
			_ = unix.EpollCtl(n.l.ep, unix.EPOLL_CTL_ADD, n.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(n.fd)})
		}
	})
}

func (n *Listener) take(fd int) {
	c := &Conn{l: n.l, fd: int32(fd), state: open}
	c.h = n.accept(c)
	if c.h == nil {
		_ = unix.Close(fd)
		return
	}
	if !n.unix {
		tune(fd)
	}
	if err := n.l.add(fd, edges, c); err != nil {
		_ = unix.Close(fd)
		return
	}
	c.from = n
	n.l.conns++
	n.conns++
	n.total++
	c.h.Open(c)
}
