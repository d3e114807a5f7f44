package proxy

import (
	"errors"
	"time"

	"nagi.dev/plane/loop"
	"nagi.dev/plane/proxyproto"
)

// A prelude reads the PROXY header of a connection, then hands it on.
type prelude struct {
	next  func(*loop.Conn) loop.Handler
	timer *loop.Timer
}

var errNoHeader = errors.New("no PROXY header came in 5s")

func (h *prelude) Open(c *loop.Conn) {
	h.timer = c.Loop().After(5*time.Second, func() { c.Reset(errNoHeader) })
}

func (h *prelude) Data(c *loop.Conn, p []byte) int {
	peer, n, err := proxyproto.Parse(p)
	if err != nil {
		c.Reset(err)
		return 0
	}
	if n == 0 {
		return 0
	}
	h.timer.Stop()
	if peer.IsValid() {
		c.SetPeer(peer)
	}
	next := h.next(c)
	if next == nil {
		c.Close(nil)
		return n
	}
	c.SetHandler(next)
	next.Open(c)
	return n
}

func (h *prelude) EOF(c *loop.Conn)   { c.Close(nil) }
func (*prelude) Drained(*loop.Conn)   {}
func (h *prelude) Drain(c *loop.Conn) { c.Close(nil) }
func (h *prelude) Closed(*loop.Conn, error) {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// A goodbye writes its text and closes.
type goodbye string

func (g goodbye) Open(c *loop.Conn) {
	c.WriteString(string(g))
	c.Finish()
}
func (goodbye) Data(_ *loop.Conn, p []byte) int { return len(p) }
func (goodbye) EOF(*loop.Conn)                  {}
func (goodbye) Drained(*loop.Conn)              {}
func (goodbye) Closed(*loop.Conn, error)        {}
