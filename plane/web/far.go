package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"nagi.dev/plane/balance"
)

// A far serves on goroutines what the loop does not: TLS, HTTP/2, and routes
// that need more than one upstream at a time, or a store. A connection comes
// here from the loop and stays.
type far struct {
	s     *Service
	srv   *http.Server
	proxy *httputil.ReverseProxy
	queue chan net.Conn
	over  chan struct{}
	once  sync.Once
	start sync.Once
	conns atomic.Int64

	mu     sync.Mutex // guards routes
	routes map[string]*transport
}

func newFar(s *Service) *far {
	f := &far{s: s, queue: make(chan net.Conn), over: make(chan struct{}), routes: map[string]*transport{}}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: f.rewrite, Transport: layers{f}, ModifyResponse: modify, ErrorHandler: refuse,
		FlushInterval: -1, BufferPool: new(buffers), ErrorLog: log.New(io.Discard, "", 0),
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	f.srv = &http.Server{
		Handler: http.HandlerFunc(f.serve), Protocols: protocols, MaxHeaderBytes: 64 << 10,
		TLSConfig: &tls.Config{NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12},
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, st http.ConnState) {
			if st == http.StateClosed || st == http.StateHijacked {
				f.conns.Add(-1)
			}
		},
	}
	return f
}

// A farConn is a connection whose peer may be known from a PROXY header.
type farConn struct {
	net.Conn
	peer netip.Addr
}

func (c farConn) RemoteAddr() net.Addr {
	a := &net.TCPAddr{IP: c.peer.AsSlice(), Zone: c.peer.Zone()}
	if t, ok := c.Conn.RemoteAddr().(*net.TCPAddr); ok {
		a.Port = t.Port
	}
	return a
}

// take serves a connection from here on.
func (f *far) take(nc net.Conn, peer netip.Addr) {
	site := f.s.site.Load()
	if limit := site.spec.MaxConnections; limit > 0 && f.conns.Load() >= int64(limit) {
		_ = nc.Close()
		return
	}
	f.start.Do(func() {
		f.srv.ReadHeaderTimeout, f.srv.IdleTimeout = site.headerTimeout, site.idleTimeout
		go func() { _ = f.srv.Serve(f) }()
	})
	var c net.Conn = farConn{nc, peer}
	if site.certs != nil {
		c = tls.Server(c, site.certs.config())
	}
	f.conns.Add(1)
	go func() { // the loop does not wait
		select {
		case f.queue <- c:
		case <-f.over:
			_ = c.Close()
		}
	}()
}

// Accept makes f the listener of its server.
func (f *far) Accept() (net.Conn, error) {
	select {
	case c := <-f.queue:
		return c, nil
	case <-f.over:
		return nil, net.ErrClosed
	}
}

// Close ends accepting.
func (f *far) Close() error { f.once.Do(func() { close(f.over) }); return nil }

// Addr is nothing that anybody asks for.
func (f *far) Addr() net.Addr { return &net.TCPAddr{} }

// close lets what is in flight end.
func (f *far) close() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = f.srv.Shutdown(ctx)
		_ = f.Close()
	}()
}

func (f *far) now() time.Time { return time.Now() }

// A call is one request of a client as it goes through the layers.
type call struct {
	site  *site
	route *route
	m     message
	began time.Time
	arm   int
	home  balance.Sticky
	known bool
	key   []byte
	ep    *balance.Endpoint // that answered
	limit int64             // of the body
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// serve is the handler of all requests.
func (f *far) serve(w http.ResponseWriter, req *http.Request) {
	site := f.s.site.Load()
	m := message{req: req, peer: peerOf(req)}
	r := site.match(&m)
	if status, reason, wait := admit(site, r, &m, req.ContentLength, f); status != 0 {
		if r != nil {
			r.stats.count(status, 0)
		}
		say(w, status, reason, wait)
		return
	}
	c := &call{site: site, route: r, m: m, began: time.Now()}
	hops := site.spec.TrustedHops
	c.arm, c.home, c.known = r.place(&m, hops, f.s.ask.Chance)
	c.key = r.key.of(&m, hops)
	if r.spec.MaxBodySize > 0 {
		req.Body = http.MaxBytesReader(w, req.Body, r.spec.MaxBodySize)
	}
	rec := &recorder{ResponseWriter: w, status: 200}
	defer func() { r.stats.count(rec.status, time.Since(c.began)) }()
	req = req.WithContext(context.WithValue(req.Context(), callKey{}, c))
	f.proxy.ServeHTTP(rec, req)
}

func peerOf(req *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.IPv4Unspecified()
	}
	return a.Addr().Unmap()
}

// A recorder keeps the status for the figures.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if status >= 200 || status == 101 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the standard library find Flush and Hijack.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// rewrite makes the request that goes on.
func (f *far) rewrite(p *httputil.ProxyRequest) {
	c := callOf(p.In.Context())
	out, in := p.Out, p.In
	out.URL.Scheme, out.URL.Host = "http", "endpoint"
	out.URL.RawQuery = in.URL.RawQuery
	out.Host = in.Host
	if c.site.spec.TrustedHops > 0 {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"} {
			if v, ok := in.Header[name]; ok {
				out.Header[name] = v
			}
		}
	}
	proto, host := out.Header.Get("X-Forwarded-Proto"), out.Header.Get("X-Forwarded-Host")
	p.SetXForwarded()
	if proto != "" {
		out.Header.Set("X-Forwarded-Proto", proto)
	}
	if host != "" {
		out.Header.Set("X-Forwarded-Host", host)
	}
	if out.Header.Get("Traceparent") == "" && out.Header.Get("X-Datadog-Trace-Id") == "" {
		out.Header.Set("Traceparent", string(appendTraceparent(nil)))
	}
	c.route.request.apply(out.Header)
}

// modify edits the answer before it goes to the client.
func modify(resp *http.Response) error {
	c := callOf(resp.Request.Context())
	c.route.answer.apply(resp.Header)
	if c.route.sticky.by == "cookie" && !c.known && c.ep != nil {
		resp.Header.Add("Set-Cookie", c.route.cookie(c.arm, c.ep))
	}
	return nil
}

// refuse answers for an endpoint that did not.
func refuse(w http.ResponseWriter, req *http.Request, err error) {
	status, reason := faultOf(err)
	if status == 499 {
		panic(http.ErrAbortHandler) // the client is gone
	}
	if c := callOf(req.Context()); c != nil {
		c.route.answer.apply(w.Header())
	}
	say(w, status, reason, 0)
}

func faultOf(err error) (status int, why string) {
	if refusal, ok := errors.AsType[balance.Refusal](err); ok {
		return 503, refusal.Error()
	}
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return 413, "the body is larger than " + strconv.FormatInt(big.Limit, 10) + " bytes"
	}
	switch {
	case errors.Is(err, errLate):
		return 504, errLate.Error()
	case errors.Is(err, errOnlyCached):
		return 504, errOnlyCached.Error()
	case errors.Is(err, context.Canceled):
		return 499, ""
	case isConnect(err):
		return 502, "no connection to the endpoint: " + reason(err)
	}
	return 502, "the endpoint closed the connection without an answer"
}

func say(w http.ResponseWriter, status int, reason string, wait int) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	http.Error(w, reason, status)
}

// buffers are those that bodies are copied through.
type buffers struct{ p sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.p.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.p.Put(&p) }
