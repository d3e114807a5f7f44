package apiserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// A multi is one listener over several addresses: the API server knows how
// to serve only one.
type multi struct {
	all   []net.Listener
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// listen opens port on every address. Port 0 picks one for all, by the first.
func listen(addrs []netip.Addr, port int) (*multi, error) {
	m := &multi{conns: make(chan net.Conn), done: make(chan struct{})}
	for _, a := range addrs {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port))))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for the API: %w", err), m.Close())
		}
		port = l.Addr().(*net.TCPAddr).Port
		m.all = append(m.all, l)
	}
	for _, l := range m.all {
		go m.accept(l)
	}
	return m, nil
}

func (m *multi) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // this connection's fault, such as too many open files
		}
		select {
		case m.conns <- c:
		case <-m.done:
			c.Close()
			return
		}
	}
}

// Accept implements net.Listener.
func (m *multi) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (m *multi) Close() error {
	var errs []error
	m.close.Do(func() {
		close(m.done)
		for _, l := range m.all {
			errs = append(errs, l.Close())
		}
	})
	return errors.Join(errs...)
}

// Addr implements net.Listener; it is the first address.
func (m *multi) Addr() net.Addr { return m.all[0].Addr() }
