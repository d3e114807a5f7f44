package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/meter"
)

// A greeter is a codec that answers each connection with the name of its first
// pool, then echoes. A pool named "bad" is refused.
type greeter struct {
	pool   string
	closed *int
}

func (g *greeter) Prepare(l *config.Listener, pools map[string]*config.Pool) (func(), error) {
	name := l.Routes[0].Arms[0].Pool
	if name == "bad" {
		return nil, errors.New("pool bad: is bad")
	}
	return func() { g.pool = pools[name].Name }, nil
}
func (g *greeter) Accept(*loop.Conn) loop.Handler { return &greeted{g} }
func (g *greeter) Close()                         { *g.closed++ }
func (g *greeter) Refusal() string                { return "full\n" }
func (g *greeter) Collect(x *meter.Gather)        { x.Counter("greetings_total", "Greetings.", 1) }

type greeted struct{ g *greeter }

func (h *greeted) Open(c *loop.Conn) { c.WriteString(h.g.pool + " " + c.Peer().Addr().String() + "\n") }

func (h *greeted) Data(c *loop.Conn, p []byte) int {
	c.WriteString(h.g.pool + ":")
	c.Write(p)
	return len(p)
}
func (*greeted) EOF(c *loop.Conn)         { c.Finish() }
func (*greeted) Drained(*loop.Conn)       {}
func (*greeted) Closed(*loop.Conn, error) {}

// serve runs a proxy until the test ends.
func serve(t *testing.T) (p *Proxy, closed *int, stop func() error) {
	t.Helper()
	closed = new(int)
	codec := func(Env) Service { return &greeter{closed: closed} }
	p, err := New(Options{Codecs: map[config.Protocol]Codec{config.TCP: codec, config.Redis: codec}, Drain: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = func() error {
		cancel()
		err, open := <-ended
		if open {
			close(ended)
		}
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return p, closed, stop
}

func document(listeners ...config.Listener) *config.Config {
	c := &config.Config{Version: "1", Listeners: listeners}
	seen := map[string]bool{}
	for _, l := range listeners {
		if name := l.Routes[0].Arms[0].Pool; !seen[name] {
			seen[name] = true
			c.Pools = append(c.Pools, config.Pool{Name: name})
		}
	}
	return c
}

func to(name, address, pool string) config.Listener {
	return config.Listener{Name: name, Address: address, Protocol: config.TCP, Routes: []config.Route{{Arms: []config.Arm{{Pool: pool}}}}}
}

// A client is one end of a connection, read by lines.
type client struct {
	net.Conn
	t *testing.T
}

func dial(t *testing.T, network, address string) client {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return client{c, t}
}

func (c client) expect(want string) {
	c.t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		c.t.Fatalf("got %q, %v; want %q", b, err, want)
	}
}

func TestAChangeKeepsSocketsAndConnections(t *testing.T) {
	p, closed, _ := serve(t)
	path := filepath.Join(t.TempDir(), "s")
	if err := p.Apply(document(to("a", "unix:"+path, "one"), to("gone", "127.0.0.1:0", "one"))); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "unix", path)
	c.expect("one invalid IP\n")
	if err := p.Apply(document(to("a", "unix:"+path, "two"))); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "x")
	c.expect("two:x")
	dial(t, "unix", path).expect("two invalid IP\n")
	p.loop.Do(func() {
		if *closed != 1 {
			t.Errorf("%d services were closed, want that of the listener that is gone", *closed)
		}
	})
	// Another listener takes over the address of the first.
	if err := p.Apply(document(to("b", "unix:"+path, "three"))); err != nil {
		t.Fatal(err)
	}
	dial(t, "unix", path).expect("three invalid IP\n")
}

func TestADocumentIsAppliedWholeOrNotAtAll(t *testing.T) {
	p, _, _ := serve(t)
	path := filepath.Join(t.TempDir(), "s")
	if err := p.Apply(document(to("a", "unix:"+path, "one"))); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "s")
	http := to("h", "127.0.0.1:0", "one")
	http.Protocol = config.HTTP
	err := p.Apply(document(to("a", "unix:"+path, "two"), to("n", "unix:"+other, "two"), to("bad", "127.0.0.1:0", "bad"), http,
		to("nowhere", "192.0.2.1:80", "two")))
	for _, want := range []string{"listener bad: pool bad: is bad", "listener h: this plane does not speak http", "listener nowhere: listen at 192.0.2.1:80: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	dial(t, "unix", path).expect("one invalid IP\n")
	if _, err := net.Dial("unix", other); err == nil {
		t.Error("a listener of the refused document is open")
	}
	if code, text := get(p, "/readyz"); code != 200 {
		t.Errorf("readyz: %d %s", code, text)
	}
	if _, text := get(p, "/config"); !strings.Contains(text, "is bad") || !strings.Contains(text, `"pool": "one"`) {
		t.Errorf("config shows\n%s", text)
	}
}

func get(p *Proxy, path string) (int, string) {
	w := httptest.NewRecorder()
	p.admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestTheLocalEndpointShowsWhatRuns(t *testing.T) {
	p, _, stop := serve(t)
	if code, text := get(p, "/readyz"); code != 503 || text != "no document yet\n" {
		t.Errorf("readyz: %d %s", code, text)
	}
	if err := p.Apply(document(to("a", "127.0.0.1:0", "one"))); err != nil {
		t.Fatal(err)
	}
	dial(t, "tcp", p.Addresses()["a"]).expect("one 127.0.0.1\n")
	_, text := get(p, "/metrics")
	for _, want := range []string{"greetings_total 1\n", `nagi_plane_connections{listener="a"} 1` + "\n", `nagi_plane_connections_total{listener="a"} 1` + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var stats []meter.Stat
	if _, text := get(p, "/stats"); json.Unmarshal([]byte(text), &stats) != nil || len(stats) < 3 {
		t.Errorf("stats: %s", text)
	}
	if code, text := get(p, "/healthz"); code != 200 || text != "ok\n" {
		t.Errorf("healthz: %d %s", code, text)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if code, _ := get(p, "/healthz"); code != 503 {
		t.Errorf("healthz of a plane that stopped: %d", code)
	}
}

func TestAConnectionAboveTheBoundIsToldSo(t *testing.T) {
	p, _, _ := serve(t)
	l := to("a", "127.0.0.1:0", "one")
	l.MaxConnections = 1
	if err := p.Apply(document(l)); err != nil {
		t.Fatal(err)
	}
	where := p.Addresses()["a"]
	first := dial(t, "tcp", where)
	first.expect("one 127.0.0.1\n")
	c := dial(t, "tcp", where)
	if b, err := io.ReadAll(c); err != nil || string(b) != "full\n" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestAPROXYHeaderNamesTheClient(t *testing.T) {
	p, _, _ := serve(t)
	l := to("a", "127.0.0.1:0", "one")
	l.ProxyProtocol = true
	if err := p.Apply(document(l)); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "tcp", p.Addresses()["a"])
	fmt.Fprint(c, "PROXY TCP4 10.1.2.3 10.0.0.1 ")
	fmt.Fprint(c, "1234 80\r\nrest")
	c.expect("one 10.1.2.3\none:rest")
	bad := dial(t, "tcp", p.Addresses()["a"])
	fmt.Fprint(bad, "GET / HTTP/1.1\r\n")
	if _, err := bad.Read(make([]byte, 1)); err == nil {
		t.Error("a connection without its header was served")
	}
}

func TestTheEndWaitsForConnections(t *testing.T) {
	p, _, stop := serve(t)
	if err := p.Apply(document(to("a", "127.0.0.1:0", "one"))); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "tcp", p.Addresses()["a"])
	c.expect("one 127.0.0.1\n")
	go func() {
		_, _ = io.Copy(io.Discard, c) // the end comes, and is answered
		_ = c.Close()
	}()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := p.Apply(document()); !errors.Is(err, loop.ErrStopped) {
		t.Errorf("a plane that stopped takes a document: %v", err)
	}
}
