package web

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/proxyproto"
)

// A transport holds the connections of goroutines to the endpoints of a pool.
type transport struct {
	spec config.Pool // what of it matters here
	rt   *http.Transport
	tls  *tls.Config
}

// essence is what a transport is made of; when it stays, connections stay.
func essence(p *config.Pool) config.Pool {
	return config.Pool{TLS: p.TLS, HTTP2: p.HTTP2, ConnectTimeout: p.ConnectTimeout, SendProxy: p.SendProxy, Limits: p.Limits}
}

// transports makes those that a document needs, and keeps those that fit.
func (f *far) transports(pools map[string]*config.Pool) (map[string]*transport, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]*transport{}
	for name, p := range pools {
		if old := f.routes[name]; old != nil && reflect.DeepEqual(old.spec, essence(p)) {
			all[name] = old
			continue
		}
		t, err := newTransport(p)
		if err != nil {
			return nil, err
		}
		all[name] = t
	}
	return all, nil
}

// changed puts transports in force.
func (f *far) changed(all map[string]*transport) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, t := range f.routes {
		if all[name] != t {
			t.rt.CloseIdleConnections()
		}
	}
	f.routes = all
}

func (f *far) transport(pool string) *transport {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.routes[pool]
}

func newTransport(p *config.Pool) (*transport, error) {
	t := &transport{spec: essence(p)}
	if p.TLS != nil {
		var err error
		if t.tls, err = clientTLS(p.TLS); err != nil {
			return nil, err
		}
	}
	most := p.Limits.MaxConnections
	if most == 0 {
		most = maxConns
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!p.HTTP2)
	protocols.SetHTTP2(p.HTTP2 && p.TLS != nil)
	protocols.SetUnencryptedHTTP2(p.HTTP2 && p.TLS == nil)
	t.rt = &http.Transport{
		DialContext: t.dial, TLSClientConfig: t.tls, Protocols: protocols,
		MaxIdleConnsPerHost: most, MaxConnsPerHost: most, IdleConnTimeout: maxIdle,
		DisableCompression: true, DisableKeepAlives: p.SendProxy > 0,
		MaxResponseHeaderBytes: 64 << 10, ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10,
		TLSHandshakeTimeout: p.ConnectTimeout.Or(time.Second) + 2*time.Second,
	}
	return t, nil
}

// host is an endpoint's address as the host of a URL.
func host(address string) string {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return hex.EncodeToString([]byte(path)) + ".unix:80"
	}
	return address
}

func (t *transport) dial(ctx context.Context, _, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: t.spec.ConnectTimeout.Or(time.Second)}
	network := "tcp"
	if name, ok := strings.CutSuffix(address, ".unix:80"); ok {
		path, err := hex.DecodeString(name)
		if err != nil {
			return nil, err
		}
		network, address = "unix", string(path)
	}
	c, err := d.DialContext(ctx, network, address)
	if err != nil || t.spec.SendProxy == 0 {
		return c, err
	}
	var peer, local netip.AddrPort
	if call := callOf(ctx); call != nil {
		peer, _ = netip.ParseAddrPort(call.m.req.RemoteAddr)
		if a, ok := call.m.req.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			local, _ = netip.ParseAddrPort(a.String())
		}
	}
	if _, err := c.Write(proxyproto.Append(nil, t.spec.SendProxy, peer, local)); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// roundTrip sends a request to one endpoint. A connection that speaks for one
// client is made for it, and not given to another who waits.
func (t *transport) roundTrip(req *http.Request, address string) (*http.Response, error) {
	req.URL.Host = host(address)
	if t.tls != nil {
		req.URL.Scheme = "https"
	}
	if t.spec.SendProxy == 0 {
		return t.rt.RoundTrip(req)
	}
	return t.rt.Clone().RoundTrip(req)
}

// isConnect reports that there was no connection to send anything on.
func isConnect(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
