package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/proxy"
)

// A plane is a proxy that runs with one listener.
type plane struct {
	*proxy.Proxy
	t       *testing.T
	addr    string
	service *Service
}

// run starts a plane with one listener of these routes, and pools given as JSON.
func run(t *testing.T, routes, pools string, listener ...string) *plane {
	t.Helper()
	x := &plane{t: t}
	codec := func(env proxy.Env) proxy.Service {
		s := New(env)
		x.service, _ = s.(*Service)
		return s
	}
	p, err := proxy.New(proxy.Options{Codecs: map[config.Protocol]proxy.Codec{config.HTTP: codec}, Drain: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	x.Proxy = p
	x.apply(routes, pools, listener...)
	x.addr = p.Addresses()["web"]
	return x
}

func (x *plane) apply(routes, pools string, listener ...string) {
	x.t.Helper()
	doc := fmt.Sprintf(`{"listeners": [{"name": "web", "address": "127.0.0.1:0", "protocol": "http", %s "routes": %s}], "pools": %s}`,
		strings.Join(listener, ""), routes, pools)
	c, err := config.Parse([]byte(doc))
	if err != nil {
		x.t.Fatal(err)
	}
	if err := x.Apply(c); err != nil {
		x.t.Fatal(err)
	}
}

// serve serves f and returns its address.
func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// named answers with its name.
func named(t *testing.T, name string) string {
	return serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

// poolOf is the JSON of a pool.
func poolOf(name string, extra string, addresses ...string) string {
	var es []config.Endpoint
	for _, a := range addresses {
		es = append(es, config.Endpoint{Address: a})
	}
	b, _ := json.Marshal(es)
	return fmt.Sprintf(`{"name": %q, "endpoints": %s%s}`, name, b, extra)
}

// get asks the plane and returns status and body.
func (x *plane) get(path string, change ...func(*http.Request)) (int, string, http.Header) {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), "GET", "http://"+x.addr+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.do(req, change...)
}

func (x *plane) do(req *http.Request, change ...func(*http.Request)) (int, string, http.Header) {
	x.t.Helper()
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// raw sends text on a new connection and returns all that comes until its end.
func (x *plane) raw(text string) string {
	x.t.Helper()
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		x.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		x.t.Fatal(err)
	}
	b, _ := io.ReadAll(bufio.NewReader(c))
	return string(b)
}

// script is a server that reads a request's head per entry and answers with it,
// in order; "" and a last <cut> close the connection.
func script(t *testing.T, answers ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	at := make(chan string, len(answers))
	for _, a := range answers {
		at <- a
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					select {
					case a := <-at:
						if a == "" {
							return
						}
						a, cut := strings.CutSuffix(a, "<cut>")
						if _, _ = io.WriteString(c, a); cut {
							return
						}
					default:
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
