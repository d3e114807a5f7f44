package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"nagi.dev/plane/cache"
	"nagi.dev/plane/config"
)

var errOnlyCached = errors.New("nothing is stored, and the request wants nothing else")

// A store is a config.Cache with what it holds.
type store struct {
	spec   config.Cache
	policy cache.Policy
	max    int64 // bytes of one answer
	*cache.Store
}

func newStore(spec *config.Cache) *store {
	if spec == nil {
		return nil
	}
	s := &store{spec: *spec, max: spec.MaxObject, Store: cache.NewStore(spec.Size)}
	if s.max == 0 {
		s.max = 1 << 20
	}
	s.policy = cache.Policy{DefaultTTL: time.Duration(spec.DefaultTTL), Stale: time.Duration(spec.Stale)}
	return s
}

// key names what is stored. The target is used as it was written.
func (s *store) key(host, target string, h http.Header) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(host) + " " + target)
	for _, name := range s.spec.KeyHeaders {
		b.WriteString("\n" + strings.Join(h.Values(name), ","))
	}
	return b.String()
}

// A lookup is a request on its way past the cache.
type lookup struct {
	f   *far
	c   *call
	s   *store
	req *http.Request
	key string
}

// cached answers from the store, or asks the origin and keeps the answer.
func (f *far) cached(req *http.Request, c *call) (*http.Response, error) {
	l := &lookup{f: f, c: c, s: c.route.store, req: req}
	l.key = l.s.key(req.Host, req.URL.RequestURI(), req.Header)
	switch req.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions, http.MethodTrace:
		return f.beyond(req, c)
	default:
		return l.unsafe()
	}
	if req.Header.Get("Upgrade") != "" || req.ContentLength != 0 {
		return f.beyond(req, c)
	}
	for {
		resp, flight, err := l.once()
		if flight == nil {
			return resp, err
		}
		select { // somebody asks the origin for the same
		case <-flight.Over():
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		}
		if e := l.s.Get(l.key, req.Header); e == nil || cache.Decide(req.Header, e, time.Now(), l.s.policy) == cache.Validate {
			return l.ask(nil, nil) // it could not be kept: no sense in standing in a row
		}
	}
}

// once looks a request up. It returns a flight to wait for, or the answer.
func (l *lookup) once() (*http.Response, *cache.Flight, error) {
	now := time.Now()
	e := l.s.Get(l.key, l.req.Header)
	use := cache.Validate
	if e != nil {
		use = cache.Decide(l.req.Header, e, now, l.s.policy)
	}
	switch use {
	case cache.Fresh:
		l.c.route.stats.hits.add()
		return l.serve(e, "hit"), nil, nil
	case cache.Meanwhile:
		l.c.route.stats.hits.add()
		l.meanwhile(e)
		return l.serve(e, "hit; detail=stale-while-revalidate"), nil, nil
	}
	l.c.route.stats.misses.add()
	if cache.OnlyIfCached(l.req.Header) {
		return nil, nil, errOnlyCached
	}
	if !l.mayStore() {
		resp, err := l.ask(e, nil)
		return resp, nil, err
	}
	flight, first := l.s.Join(l.key)
	if !first {
		return nil, flight, nil
	}
	resp, err := l.ask(e, flight)
	return resp, nil, err
}

// mayStore reports that a request's answer could be an entry.
func (l *lookup) mayStore() bool {
	return l.req.Method == http.MethodGet && l.req.Header.Get("Range") == "" && !cache.NoStore(l.req.Header)
}

// meanwhile validates an entry for those who come next.
func (l *lookup) meanwhile(e *cache.Entry) {
	flight, first := l.s.Join(l.key)
	if !first {
		return
	}
	ctx := context.WithoutCancel(l.req.Context())
	later := &lookup{f: l.f, c: &call{site: l.c.site, route: l.c.route, m: l.c.m, arm: l.c.arm, home: l.c.home, key: l.c.key}, s: l.s, key: l.key}
	later.req = l.req.Clone(context.WithValue(ctx, callKey{}, later.c))
	later.req.Method = http.MethodGet
	go func() {
		defer flight.End()
		resp, err := later.ask(e, flight)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}()
}

// ask asks the origin, with the validators of e if there is one. flight, if
// there is one, ends once the answer is kept or will not be.
func (l *lookup) ask(e *cache.Entry, flight *cache.Flight) (*http.Response, error) {
	end := func() {
		if flight != nil {
			flight.End()
		}
	}
	req := l.req
	if e != nil && e.Validator() && l.mayStore() {
		req = req.Clone(req.Context())
		e.Conditions(req.Header)
	}
	asked := time.Now()
	resp, err := l.f.beyond(req, l.c)
	got := time.Now()
	if e != nil && (err != nil || resp.StatusCode >= 500) && e.InsteadOfError(l.req.Header, got, l.s.policy) {
		if err == nil {
			_ = resp.Body.Close()
		}
		end()
		return l.serve(e, "hit; detail=stale-if-error"), nil
	}
	if err != nil {
		end()
		return nil, err
	}
	if resp.Header.Get("Date") == "" {
		resp.Header.Set("Date", got.UTC().Format(http.TimeFormat))
	}
	if req != l.req && resp.StatusCode == http.StatusNotModified {
		next, ok := e.Validated(l.req.Header, resp.Header, asked, got, l.s.policy)
		_ = resp.Body.Close()
		if !ok {
			l.s.Forget(l.key)
			end()
			return l.f.beyond(l.req, l.c)
		}
		l.s.Put(l.key, l.req.Header, next)
		end()
		return l.serve(next, "hit; detail=revalidated"), nil
	}
	if !l.mayStore() || !cache.Storable(l.req.Header, resp.Header, resp.StatusCode, l.s.policy) || resp.ContentLength > l.s.max {
		end()
		return resp, nil
	}
	l.keep(resp, asked, got, end)
	return resp, nil
}

// keep stores an answer while its body passes.
func (l *lookup) keep(resp *http.Response, asked, got time.Time, end func()) {
	h := resp.Header.Clone()
	dropHops(h)
	b := &keeper{ReadCloser: resp.Body, max: l.s.max, want: resp.ContentLength, end: end}
	b.whole = func(body []byte) {
		e := cache.NewEntry(l.req.Header, h, resp.StatusCode, body, asked, got, l.s.policy)
		l.s.Put(l.key, l.req.Header, e)
	}
	resp.Body = b
}

// dropHops removes what belongs to a connection.
func dropHops(h http.Header) {
	for _, line := range h.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info"} {
		h.Del(name)
	}
}

// A keeper copies a body that passes, up to a bound.
type keeper struct {
	io.ReadCloser
	buf   bytes.Buffer
	max   int64
	want  int64 // bytes that the head promised; -1: unknown
	lost  bool
	whole func([]byte)
	end   func()
}

func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	if !k.lost {
		if int64(k.buf.Len()+n) > k.max {
			k.lost, k.buf = true, bytes.Buffer{}
			k.end()
		} else {
			k.buf.Write(p[:n])
		}
	}
	if err == io.EOF && !k.lost && (k.want < 0 || int64(k.buf.Len()) == k.want) {
		k.lost = true
		k.whole(bytes.Clone(k.buf.Bytes()))
	}
	if err != nil {
		k.end()
	}
	return n, err
}

func (k *keeper) Close() error {
	defer k.end()
	return k.ReadCloser.Close()
}

// serve makes the answer of an entry: whole, a part, or that nothing changed.
func (l *lookup) serve(e *cache.Entry, how string) *http.Response {
	resp := &http.Response{
		StatusCode: e.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: e.Header.Clone(),
		Request: l.req, Body: http.NoBody, ContentLength: -1,
	}
	h := resp.Header
	h.Set("Age", strconv.Itoa(int(e.Age(time.Now()).Seconds())))
	h.Set("Cache-Status", "nagi; "+how)
	if (e.Status == 200 || e.Status == 204) && e.NotModified(l.req.Header) {
		resp.StatusCode = http.StatusNotModified
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Content-Range"} {
			h.Del(name)
		}
		return resp
	}
	body := e.Body
	if part, ok := e.Range(l.req.Header); ok && l.req.Method == http.MethodGet {
		h.Set("Content-Range", part.ContentRange(len(body)))
		if resp.StatusCode, body = http.StatusPartialContent, body[min(part.From, len(body)):max(part.To, min(part.From, len(body)))]; part.Invalid {
			resp.StatusCode, body = http.StatusRequestedRangeNotSatisfiable, nil
		}
	}
	if e.Status != 204 {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		resp.ContentLength = int64(len(body))
	}
	if l.req.Method == http.MethodGet && len(body) > 0 {
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	return resp
}

// unsafe passes a method on that may change the resource, and forgets what it
// changed (RFC 9111, 4.4).
func (l *lookup) unsafe() (*http.Response, error) {
	resp, err := l.f.beyond(l.req, l.c)
	if err != nil || resp.StatusCode >= 400 {
		return resp, err
	}
	l.s.Forget(l.key)
	base := &url.URL{Scheme: "http", Host: l.req.Host, Path: l.req.URL.Path}
	for _, name := range []string{"Location", "Content-Location"} {
		u, err := base.Parse(resp.Header.Get(name))
		if err == nil && resp.Header.Get(name) != "" && strings.EqualFold(u.Host, l.req.Host) {
			l.s.Forget(l.s.key(u.Host, u.RequestURI(), l.req.Header))
		}
	}
	return resp, nil
}
