package web

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"strconv"

	"nagi.dev/plane/http1"
	"nagi.dev/plane/loop"
)

// A bridge lets goroutines answer one request of a connection that stays on
// the loop: its policies need them, its client need not leave. It is the
// http.ResponseWriter of that request.
type bridge struct {
	c      *client
	cancel context.CancelFunc
	req    *http.Request
	old    bool // the client speaks HTTP/1.0

	header  http.Header
	wrote   bool
	chunked bool
	bodily  bool
	buf     bytes.Buffer
	broken  bool // more or less was written than promised
	left    int64

	after bool          // the connection ends after this answer
	room  chan struct{} // on the loop: closed once the client has taken what waits
}

// bridgeable reports that a request can be answered while its connection
// stays: it has no body and changes no protocol.
func bridgeable(h *http1.Head) bool { return h.Length == 0 && !h.Upgrade && !h.Continue }

// across begins a bridge. p holds the head.
func (c *client) across(p []byte, h *http1.Head) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p[:h.Size])))
	if err != nil { // it is stricter than we are, about targets for one
		c.refuse(400, "the request target is malformed")
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &bridge{c: c, cancel: cancel, header: http.Header{}, old: h.Minor == 0, after: c.ends || h.Close}
	b.req = req.WithContext(context.WithValue(ctx, http.LocalAddrContextKey, local(c.c)))
	b.req.RemoteAddr = netip.AddrPortFrom(c.peer, c.c.Peer().Port()).String()
	c.br = b
	c.within(c.s.site.Load().idleTimeout)
	go b.run()
}

type localAddr string

func (localAddr) Network() string  { return "tcp" }
func (a localAddr) String() string { return string(a) }

func local(c *loop.Conn) localAddr { return localAddr(c.Local().String()) }

// run serves the request, and makes the connection ready for the next.
func (b *bridge) run() {
	defer b.cancel()
	whole := false
	defer func() {
		if r := recover(); r != nil && r != http.ErrAbortHandler { //nolint:errorlint // it is that very one
			b.c.s.log.Error("serve request", "cause", r)
		}
		b.c.s.l.Post(func() { b.end(whole) })
	}()
	b.c.s.far.serve(b, b.req)
	b.WriteHeader(http.StatusOK)
	if b.chunked {
		b.buf.WriteString("0\r\n\r\n")
	}
	b.send()
	whole = b.left <= 0 && !b.broken
}

// end is called on the loop.
func (b *bridge) end(whole bool) {
	c := b.c
	if c.br != b {
		return // the client is gone
	}
	c.br = nil
	if !whole {
		c.c.Reset(errCut)
		return
	}
	if b.after {
		c.ends = true
	}
	c.next()
}

// Header is that of the answer.
func (b *bridge) Header() http.Header { return b.header }

// WriteHeader writes the head: at most one, after any that are interim.
func (b *bridge) WriteHeader(status int) {
	if b.wrote || b.old && status < 200 {
		return
	}
	b.wrote = status >= 200
	h := b.header
	b.bodily = b.req.Method != http.MethodHead && status >= 200 && status != 204 && status != 304
	b.buf.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	if b.wrote {
		b.frame(h)
	}
	_ = h.Write(&b.buf) // to memory; it cleans names and values
	b.buf.WriteString("\r\n")
	if !b.wrote {
		b.send()
	}
}

// frame decides how the body ends.
func (b *bridge) frame(h http.Header) {
	h.Del("Connection")
	h.Del("Transfer-Encoding")
	h.Del("Trailer")
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	switch {
	case !b.bodily:
	case err == nil && n >= 0:
		b.left = n
	case b.old:
		h.Del("Content-Length")
		b.after = true
	default:
		h.Del("Content-Length")
		b.chunked = true
		h.Set("Transfer-Encoding", "chunked")
	}
	if b.after {
		h.Set("Connection", "close")
	} else if b.old {
		h.Set("Connection", "keep-alive")
	}
}

// Write writes a piece of the body.
func (b *bridge) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	if !b.bodily || len(p) == 0 {
		return len(p), nil
	}
	if b.chunked {
		b.buf.WriteString(strconv.FormatInt(int64(len(p)), 16) + "\r\n")
		b.buf.Write(p)
		b.buf.WriteString("\r\n")
	} else {
		if b.left -= int64(len(p)); b.left < 0 && b.header.Get("Content-Length") != "" {
			b.broken = true
			return 0, http.ErrContentLength
		}
		b.buf.Write(p)
	}
	if b.buf.Len() >= 32<<10 {
		b.send()
	}
	return len(p), b.req.Context().Err()
}

// Flush sends what was written so far.
func (b *bridge) Flush() {
	b.WriteHeader(http.StatusOK)
	if b.buf.Len() > 4<<10 || b.chunked || b.left > 0 {
		b.send()
	}
}

// send hands what was written to the loop, and waits while the client does not
// keep up.
func (b *bridge) send() {
	if b.buf.Len() == 0 {
		return
	}
	p := bytes.Clone(b.buf.Bytes())
	b.buf.Reset()
	room := make(chan struct{})
	if !b.c.s.l.Post(func() { b.put(p, room) }) {
		b.cancel()
		return
	}
	select {
	case <-room:
	case <-b.req.Context().Done():
	}
}

// put writes on the loop; room is closed once there is room for more.
func (b *bridge) put(p []byte, room chan struct{}) {
	c := b.c
	if c.br != b {
		return // the client is gone, and the request canceled
	}
	c.within(c.s.site.Load().idleTimeout)
	c.send(p)
	if c.c.Full(tooFull) {
		b.room = room
		return
	}
	close(room)
}

// drained lets the goroutine go on.
func (b *bridge) drained() {
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
}
