package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A patient is an endpoint that falls ill on demand.
type patient struct {
	address string
	illness atomic.Value // string
	served  atomic.Int64

	mu    sync.Mutex // guards what follows
	l     net.Listener
	conns map[net.Conn]bool
}

func admitPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{conns: map[net.Conn]bool{}}
	p.illness.Store("")
	p.listen(t, "127.0.0.1:0")
	t.Cleanup(p.die)
	return p
}

func (p *patient) listen(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.l, p.address = l, l.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns[c] = true
			p.mu.Unlock()
			go p.serve(c)
		}
	}()
}

func (p *patient) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		p.served.Add(1)
		switch p.illness.Load() {
		case "hangs":
			time.Sleep(time.Minute)
		case "resets":
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		case "dawdles":
			time.Sleep(20 * time.Millisecond)
		case "babbles":
			_, _ = io.WriteString(c, "\x00\x01\r\nnonsense\r\n\r\n")
		case "is busy":
			_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// die closes all at once, as a killed process does.
func (p *patient) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.l.Close()
	for c := range p.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	clear(p.conns)
}

// One of three endpoints falls ill under load and recovers: no client sees it,
// and the ill one gets next to nothing while it is ejected.
func TestNoClientSeesAnEndpointFallIll(t *testing.T) {
	for _, road := range []struct{ name, more string }{{"on the loop", ""}, {"on goroutines", `, "hedge": {"after": "1h"}`}} {
		for _, illness := range []string{"dies", "hangs", "resets", "dawdles", "babbles", "is busy"} {
			t.Run("one "+illness+" "+road.name, func(t *testing.T) {
				ill, a, b := admitPatient(t), admitPatient(t), admitPatient(t)
				x := run(t, `[{"arms": [{"pool": "a"}], "timeout": "100ms", "retry": {"attempts": 3, "budget": 30, "on": ["connect", "reset", "timeout", "503"]}`+road.more+`}]`,
					"["+poolOf("a", `, "health": {"failures": 2, "ejectFor": "10s"}`, ill.address, a.address, b.address)+"]")
				var failed, done atomic.Int64
				stop := make(chan struct{})
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() { load(x.addr, stop, &done, &failed, t) })
				}
				until(t, func() bool { return done.Load() > 200 })
				ill.illness.Store(illness)
				if illness == "dies" {
					ill.die()
				}
				at := done.Load()
				until(t, func() bool { return done.Load() > at+100 })
				time.Sleep(150 * time.Millisecond) // what hangs is found out
				before, at := ill.served.Load(), done.Load()
				until(t, func() bool { return done.Load() > at+200 })
				if n := ill.served.Load() - before; illness != "dawdles" && n > 2 {
					t.Errorf("%d requests reached it after it was ejected", n)
				}
				close(stop)
				wg.Wait()
				if failed.Load() > 0 {
					t.Errorf("%d of %d requests failed", failed.Load(), done.Load())
				}
			})
		}
	}
}

func until(t *testing.T, f func() bool) {
	t.Helper()
	for range 5000 {
		if f() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("it takes too long")
}

func load(address string, stop chan struct{}, done, failed *atomic.Int64, t *testing.T) {
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	for {
		select {
		case <-stop:
			return
		default:
		}
		req, err := http.NewRequest("GET", "http://"+address, nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := tr.RoundTrip(req)
		if err == nil {
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || string(b) != "ok" {
				err = fmt.Errorf("%d %s", resp.StatusCode, b)
			}
		}
		if done.Add(1); err != nil && failed.Add(1) < 4 {
			t.Log(err)
		}
	}
}

// Clients that send their heads drop by drop hold nothing but their
// connections, and lose those in time; others are served meanwhile.
func TestSlowClientsHarmNobody(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", named(t, "a"))+"]", `"headerTimeout": "300ms",`)
	var conns []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", x.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	began := time.Now()
	head := "GET / HTTP/1.1\r\nX-Slow: " + strings.Repeat("x", 100)
	for i := range len(head) {
		for _, c := range conns {
			_, _ = c.Write([]byte{head[i]})
		}
		if time.Since(began) > 400*time.Millisecond {
			break
		}
		if status, _, _ := x.get("/"); status != 200 {
			t.Fatal(status)
		}
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		b, _ := io.ReadAll(c)
		if !strings.HasPrefix(string(b), "HTTP/1.1 408") {
			t.Fatalf("after %s: %q", time.Since(began), b)
		}
	}
}
