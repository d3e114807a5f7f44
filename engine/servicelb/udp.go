package servicelb

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// largestDatagram is what UDP can carry over IP, rounded up.
const largestDatagram = 64 << 10

// A udpRelay keeps one socket a client towards an endpoint, so that answers
// find their way back.
type udpRelay struct {
	doors  *doors
	socket *net.UDPConn
	target *target

	mu       sync.Mutex // guards sessions
	sessions map[netip.AddrPort]*session
}

// A session is one client.
type session struct {
	server *net.UDPConn
	at     netip.AddrPort
	used   atomic.Int64 // Unix nanoseconds
}

func newUDPRelay(d *doors, c *net.UDPConn, t *target) *udpRelay {
	return &udpRelay{doors: d, socket: c, target: t, sessions: map[netip.AddrPort]*session{}}
}

// serve relays datagrams until the socket is closed.
func (u *udpRelay) serve() {
	defer u.end()
	buf := make([]byte, largestDatagram)
	for {
		n, client, err := u.socket.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			u.doors.log.Debug("read datagram", "err", err)
			sleep(u.doors.ctx, 5*time.Millisecond)
			continue
		}
		if s := u.session(client); s != nil {
			s.used.Store(time.Now().UnixNano())
			_, _ = s.server.Write(buf[:n]) // a datagram may get lost; answers shows a dead endpoint
		}
	}
}

// session returns the client's session, a new one where there is none or its
// endpoint is gone, or nil when the client cannot be served.
func (u *udpRelay) session(client netip.AddrPort) *session {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s := u.sessions[client]; s != nil {
		if u.target.has(s.at) {
			return s
		}
		s.server.Close()
		delete(u.sessions, client)
	}
	ends := u.target.order(client.Addr())
	if len(ends) == 0 || len(u.sessions) >= u.doors.limits.sessions {
		return nil
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(ends[0]))
	if err != nil {
		u.doors.log.Debug("reach endpoint", "endpoint", ends[0].String(), "err", err)
		return nil
	}
	s := &session{server: c, at: ends[0]}
	s.used.Store(time.Now().UnixNano())
	u.sessions[client] = s
	u.doors.relays.Go(func() { u.answers(client, s) })
	return s
}

// answers passes on what the endpoint sends until nobody has used the session
// for a while or the endpoint refuses.
func (u *udpRelay) answers(client netip.AddrPort, s *session) {
	defer u.forget(client, s)
	buf := make([]byte, largestDatagram)
	for {
		idle := time.Since(time.Unix(0, s.used.Load()))
		if idle >= u.doors.limits.idle {
			return
		}
		if err := s.server.SetReadDeadline(time.Now().Add(u.doors.limits.idle - idle)); err != nil {
			return
		}
		n, err := s.server.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return
		}
		s.used.Store(time.Now().UnixNano())
		if _, err := u.socket.WriteToUDPAddrPort(buf[:n], client); errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (u *udpRelay) forget(client netip.AddrPort, s *session) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s.server.Close()
	if u.sessions[client] == s {
		delete(u.sessions, client)
	}
}

// end closes all sessions; answers then returns for each.
func (u *udpRelay) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.sessions {
		s.server.Close()
	}
}
