package loop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lingering is how long a finished connection waits for its peer's end.
const lingering = 2 * time.Second

type state uint8

const (
	opening state = iota
	open
	finishing // what was written goes out, then the end; what comes is thrown away
	closed
)

// A Conn is one connection. It holds buffers only while something waits in them.
type Conn struct {
	l       *Loop
	h       Handler
	fd      int32
	state   state
	dirty   bool // stands in l.dirty
	queued  bool // stands in l.ready
	paused  bool
	stalled bool // Data has seen kept bytes and wants more
	more    bool // the kernel may have more to read
	hup     bool // the peer's end is on its way
	eof     bool // it has been told
	blocked bool // the kernel did not take all
	told    bool // Full said yes: Drained is due
	halved  bool // after the last byte comes the end
	reset   bool
	sent    int    // of out
	need    int    // bytes before Data is called again
	part    []byte // read, and not done with
	out     []byte // written, and not taken by the kernel
	err     error
	timer   *Timer // connect or lingering
	peer    *netip.AddrPort
	from    *Listener // nil: dialled
}

// Loop is the loop that runs c.
func (c *Conn) Loop() *Loop { return c.l }

// SetHandler puts another handler in charge. It gets no Open; what is kept comes
// to its Data, at the latest in the next turn.
func (c *Conn) SetHandler(h Handler) {
	c.h = h
	c.need, c.stalled = 0, false
	c.again()
}

// Handler is who is in charge.
func (c *Conn) Handler() Handler { return c.h }

// Need says that Data need not be called before n bytes are there. It holds once.
func (c *Conn) Need(n int) { c.need = n }

// Pause stops reading, until Resume. What the kernel holds fills up, and the
// peer must wait.
func (c *Conn) Pause() { c.paused = true }

// Resume reads again. Bytes that were kept come in the next turn.
func (c *Conn) Resume() {
	if c.paused {
		c.paused = false
		c.stalled = false
		c.again()
	}
}

// Paused says whether reading is stopped.
func (c *Conn) Paused() bool { return c.paused }

func (c *Conn) again() {
	if !c.queued && (c.state == open || c.state == finishing) && (c.more || c.hup || len(c.part) > 0) {
		c.queued = true
		c.l.ready = append(c.l.ready, c)
	}
}

// Close closes c at once; what was not yet sent is lost. err goes to Closed.
func (c *Conn) Close(err error) { c.fail(err) }

// Reset closes c so that the peer sees an error, not an end.
func (c *Conn) Reset(err error) {
	c.reset = true
	c.fail(err)
}

// Finish closes c well: all that was written is sent, then the end, and the peer
// has two seconds to close too. Nothing is read any more.
func (c *Conn) Finish() {
	if c.state == opening {
		c.fail(nil)
	}
	if c.state != open {
		return
	}
	c.state, c.paused = finishing, false
	c.CloseWrite()
	c.timer = c.l.After(lingering, func() { c.fail(nil) })
}

// CloseWrite sends the end after all that was written. Reading goes on; after
// both ends c closes by itself.
func (c *Conn) CloseWrite() {
	if c.state == closed || c.halved {
		return
	}
	c.halved = true
	c.mark()
}

// Closed says whether c is closed, or about to be.
func (c *Conn) Closed() bool { return c.state >= finishing }

// Opening says whether c is still being dialled.
func (c *Conn) Opening() bool { return c.state == opening }

// Peer is the other side's address; the zero AddrPort for a Unix socket.
func (c *Conn) Peer() netip.AddrPort {
	if c.peer != nil {
		return *c.peer
	}
	sa, err := unix.Getpeername(int(c.fd))
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

// Local is this side's address; the zero AddrPort for a Unix socket.
func (c *Conn) Local() netip.AddrPort {
	sa, err := unix.Getsockname(int(c.fd))
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

// SetPeer puts a in the place of the address that the socket knows: a proxy in
// front has told whom it speaks for.
func (c *Conn) SetPeer(a netip.AddrPort) { c.peer = &a }

// FD is the descriptor, for system calls that the loop does not offer. The
// loop keeps it.
func (c *Conn) FD() int { return int(c.fd) }

func (c *Conn) fail(err error) {
	if c.state == closed {
		return
	}
	c.state = closed
	c.err = err
	c.l.closing = append(c.l.closing, c)
}

// reap ends a connection after all work of the turn.
func (l *Loop) reap(c *Conn) {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.fd >= 0 {
		l.fds[c.fd] = nil
		if c.reset {
			_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		_ = unix.Close(int(c.fd))
	}
	c.left()
	l.release(c)
	c.h.Closed(c, c.err)
}

// left counts an accepted connection out.
func (c *Conn) left() {
	if c.from != nil {
		c.l.conns--
		c.from.conns--
	}
}

func (l *Loop) release(c *Conn) {
	l.buffers.put(c.part)
	l.buffers.put(c.out)
	c.part, c.out, c.sent = nil, nil, 0
}

// Detach takes c from the loop for a goroutine. Its handler is told nothing
// more. Bytes that were kept stand in front of what the connection reads. It may
// be called from Open and by Post, not from Data, and not while something that
// was written waits.
func (c *Conn) Detach() (net.Conn, error) {
	if c.state != open || c.Pending() > 0 {
		return nil, net.ErrClosed
	}
	_ = unix.EpollCtl(c.l.ep, unix.EPOLL_CTL_DEL, int(c.fd), nil)
	f := os.NewFile(uintptr(c.fd), "connection")
	nc, err := net.FileConn(f) // a descriptor of its own
	if err != nil {
		return nil, fmt.Errorf("detach connection: %w", err)
	}
	c.l.fds[c.fd] = nil
	_ = f.Close()
	c.state, c.fd = closed, -1
	c.left()
	head := append([]byte(nil), c.part...)
	c.l.release(c)
	if len(head) == 0 {
		return nc, nil
	}
	return &headed{Conn: nc, head: head}, nil
}

// A headed connection begins with bytes that were read before.
type headed struct {
	net.Conn
	head []byte
}

func (h *headed) Read(p []byte) (int, error) {
	if len(h.head) == 0 {
		return h.Conn.Read(p)
	}
	n := copy(p, h.head)
	h.head = h.head[n:]
	return n, nil
}

// broken turns the end of a read into the error that Closed gets.
func broken(err error) error {
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return err
}
