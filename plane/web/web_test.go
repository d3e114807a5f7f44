package web

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestASplitFollowsItsWeights(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a", "weight": 3}, {"pool": "b"}]}]`, "["+poolOf("a", "", named(t, "a"))+","+poolOf("b", "", named(t, "b"))+"]")
	got := map[string]int{}
	for range 400 {
		_, body, _ := x.get("/")
		got[body]++
	}
	if got["a"] < 250 || got["a"] > 350 || got["a"]+got["b"] != 400 {
		t.Errorf("got %v, want about 300 to 100", got)
	}
}

func TestRoutesMatch(t *testing.T) {
	pools := "["
	for i, n := range []string{"exact", "prefix", "host", "header", "method", "rest"} {
		if i > 0 {
			pools += ","
		}
		pools += poolOf(n, "", named(t, n))
	}
	x := run(t, `[
		{"match": {"path": "=/x"}, "arms": [{"pool": "exact"}]},
		{"match": {"path": "/x"}, "arms": [{"pool": "prefix"}]},
		{"match": {"host": "*.Example.com"}, "arms": [{"pool": "host"}]},
		{"match": {"headers": {"X-A": "1", "X-B": "*"}}, "arms": [{"pool": "header"}]},
		{"match": {"methods": ["DELETE"]}, "arms": [{"pool": "method"}]},
		{"match": {"path": "/rest"}, "arms": [{"pool": "rest"}]}]`, pools+"]")
	for _, tt := range []struct {
		name, method, path, host, header, want string
	}{
		{"an exact path", "GET", "/x?q=1", "", "", "exact"},
		{"a segment below", "GET", "/x/y", "", "", "prefix"},
		{"half a segment is none", "GET", "/xy", "", "", "no route matches\n"},
		{"a name below a host", "GET", "/", "a.example.com:80", "", "host"},
		{"the host itself is not below", "GET", "/", "example.com", "", "no route matches\n"},
		{"headers", "GET", "/", "", "X-A: 1;X-B: z", "header"},
		{"another value", "GET", "/", "", "X-A: 2;X-B: z", "no route matches\n"},
		{"a method", "DELETE", "/", "", "", "method"},
		{"the last", "GET", "/rest/", "", "", "rest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, body, _ := x.get(tt.path, func(r *http.Request) {
				r.Method, r.Host = tt.method, tt.host
				for h := range strings.SplitSeq(tt.header, ";") {
					if k, v, ok := strings.Cut(h, ": "); ok {
						r.Header.Set(k, v)
					}
				}
			})
			if body != tt.want {
				t.Errorf("got %q", body)
			}
		})
	}
}

func TestBodiesGoBothWays(t *testing.T) {
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	x := run(t, `[{"arms": [{"pool": "a"}], "retry": {}}]`, "["+poolOf("a", "", echo)+"]")
	for _, size := range []int{0, 1, 1000, 70_000, 5_000_000} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, chunked %v", size, chunked), func(t *testing.T) {
				want := bytes.Repeat([]byte("nagi."), size/5+1)[:size]
				var r io.Reader = bytes.NewReader(want)
				if chunked {
					r = io.MultiReader(r)
				}
				req, err := http.NewRequest("POST", "http://"+x.addr, r)
				if err != nil {
					t.Fatal(err)
				}
				status, got, h := x.do(req)
				if status != 200 || got != string(want) {
					t.Fatalf("status %d, %d bytes; want %d", status, len(got), size)
				}
				if wantLength := fmt.Sprint(size); chunked && size > 0 && h.Get("X-Length") != "-1" || !chunked && h.Get("X-Length") != wantLength {
					t.Errorf("the endpoint saw the length %s", h.Get("X-Length"))
				}
			})
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	n := 0
	var mu sync.Mutex
	x := run(t, `[{"match": {"path": "/a"}, "arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "[%s %s]", r.URL.RawQuery, b)
	}))+"]")
	got := x.raw("GET /a?1 HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\nPOST /a?2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
		"POST /a?3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\nHEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /a?4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	for _, want := range []string{"[1 ]", "no route matches", "[2 abc]", "[3 xy]", "[4 ]"} {
		_, after, ok := strings.Cut(got, want)
		if !ok {
			t.Fatalf("%q is missing or out of order in\n%s", want, got)
		}
		got = after
	}
	if n != 5 {
		t.Errorf("%d requests reached the endpoint", n)
	}
}

func TestRetries(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	busy := "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
	for _, tt := range []struct {
		name, method, retry string
		answers             []string
		status              int
		body                string
	}{
		{"a reset is tried again", "GET", `{}`, []string{"", ok}, 200, "ok"},
		{"without a policy it is not", "GET", `null`, []string{"", ok}, 502, "the endpoint closed the connection without an answer\n"},
		{"nor a method that is not idempotent", "POST", `{}`, []string{"", ok}, 502, "the endpoint closed the connection without an answer\n"},
		{"unless the policy says so", "POST", `{"unsafe": true}`, []string{"", ok}, 200, "ok"},
		{"503 is tried again", "GET", `{}`, []string{busy, ok}, 200, "ok"},
		{"and passed on when tries are used up", "GET", `{"attempts": 1}`, []string{busy, busy, ok}, 503, "busy"},
		{"502 only when asked for", "GET", `{}`, []string{strings.Replace(busy, "503", "502", 1), ok}, 502, "busy"},
		{"a malformed answer is as good as none", "GET", `{}`, []string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ok}, 200, "ok"},
		{"and is not passed on", "GET", `null`, []string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ok}, 502, "the endpoint sent a malformed answer\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := run(t, `[{"arms": [{"pool": "a"}], "retry": `+tt.retry+`}]`, "["+poolOf("a", "", script(t, tt.answers...))+"]")
			status, body, _ := x.get("/", func(r *http.Request) { r.Method = tt.method })
			if status != tt.status || body != tt.body {
				t.Errorf("got %d %q, want %d %q", status, body, tt.status, tt.body)
			}
		})
	}
}

func TestADeadEndpointIsNotSeenByClients(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	x := run(t, `[{"arms": [{"pool": "a"}], "retry": {}}]`, "["+poolOf("a", "", dead.Addr().String(), named(t, "b"), named(t, "c"))+"]")
	for range 100 {
		if status, body, _ := x.get("/"); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
}

func TestAnEndpointThatIsTooSlow(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	slow := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	x := run(t, `[{"arms": [{"pool": "a"}], "timeout": "50ms"}]`, "["+poolOf("a", "", slow)+"]")
	if status, body, _ := x.get("/"); status != 504 || !strings.Contains(body, "in time") {
		t.Errorf("got %d %q", status, body)
	}
}

func TestAnAnswerThatBreaksOffBreaksTheConnection(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a"}], "retry": {}}]`, "["+poolOf("a", "", script(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc<cut>", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n<cut>"))+"]")
	for range 2 {
		resp, err := http.Get("http://" + x.addr)
		if err != nil {
			continue
		}
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("half an answer reads as a whole one: %q", b)
		}
		resp.Body.Close()
	}
}

func TestOldClients(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", script(t,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))+"]")
	if got := x.raw("GET / HTTP/1.0\r\n\r\n"); got != "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc" {
		t.Errorf("got %q", got)
	}
}

func TestAnAnswerThatEndsWithItsConnection(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n"+strings.Repeat("x", 100_000))
		c.Close()
	})
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", addr)+"]")
	if status, body, _ := x.get("/"); status != 200 || len(body) != 100_000 {
		t.Errorf("got %d, %d bytes", status, len(body))
	}
}

func TestExpectedContinueComesFromTheEndpoint(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))+"]")
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
	b := make([]byte, 25)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("%q %v", b, err)
	}
	fmt.Fprint(c, "ok")
	if rest, _ := io.ReadAll(c); !strings.HasSuffix(string(rest), "\r\n\r\nok") {
		t.Errorf("got %q", rest)
	}
}

func TestAProtocolMayChange(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "echo" {
			w.WriteHeader(400)
			return
		}
		c, rw, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		_, _ = io.Copy(c, rw)
		c.Close()
	})
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", addr)+"]")
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly ")
	fmt.Fprint(c, strings.Repeat("x", 1<<20))
	_ = c.(*net.TCPConn).CloseWrite()
	b, err := io.ReadAll(c)
	_, got, _ := strings.Cut(string(b), "\r\n\r\n")
	if err != nil || !strings.HasPrefix(got, "hello early xxx") || len(got) != 12+1<<20 {
		t.Errorf("%.80q, %d bytes, %v", b, len(got), err)
	}
}

func TestLimits(t *testing.T) {
	pools := "[" + poolOf("a", "", named(t, "a")) + "]"
	t.Run("a rate is answered 429 with a time", func(t *testing.T) {
		x := run(t, `[{"arms": [{"pool": "a"}], "limit": {"perSecond": 0.5, "burst": 2, "by": "header:X-Key"}}]`, pools)
		with := func(k string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("X-Key", k) }
		}
		for i, want := range []int{200, 200, 429} {
			status, _, h := x.get("/", with("a"))
			if status != want {
				t.Fatalf("request %d: %d", i, status)
			}
			if after, _ := strconv.Atoi(h.Get("Retry-After")); want == 429 && (after < 1 || after > 3) {
				t.Errorf("Retry-After %q", h.Get("Retry-After"))
			}
		}
		if status, _, _ := x.get("/", with("b")); status != 200 {
			t.Errorf("another key: %d", status)
		}
	})
	t.Run("a body is answered 413", func(t *testing.T) {
		x := run(t, `[{"arms": [{"pool": "a"}], "maxBodySize": 5}]`, pools)
		for _, text := range []string{
			"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef",
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n",
		} {
			if got := x.raw(text); !strings.HasPrefix(got, "HTTP/1.1 413 ") || !strings.Contains(got, "Connection: close") {
				t.Errorf("got %q", got)
			}
		}
	})
	t.Run("a connection limit makes requests wait", func(t *testing.T) {
		var now, most atomic.Int32
		slow := serve(t, func(http.ResponseWriter, *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(2 * time.Millisecond)
			now.Add(-1)
		})
		x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", `, "limits": {"maxConnections": 2}`, slow)+"]")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if status, _, _ := x.get("/"); status != 200 {
					t.Error(status)
				}
			})
		}
		wg.Wait()
		if most.Load() > 2 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestStickyClientsStay(t *testing.T) {
	pools := "[" + poolOf("a", "", named(t, "a1"), named(t, "a2")) + "," + poolOf("b", "", named(t, "b1"), named(t, "b2")) + "]"
	t.Run("by cookie", func(t *testing.T) {
		x := run(t, `[{"arms": [{"pool": "a"}, {"pool": "b"}], "sticky": {"by": "cookie", "ttl": "1h"}}]`, pools)
		for range 10 {
			_, first, h := x.get("/")
			cookie, rest, _ := strings.Cut(h.Get("Set-Cookie"), ";")
			if !strings.HasPrefix(cookie, "nagi=") || !strings.Contains(rest, "Max-Age=3600") {
				t.Fatalf("cookie %q", h.Get("Set-Cookie"))
			}
			for range 5 {
				_, body, h := x.get("/", func(r *http.Request) { r.Header.Set("Cookie", "x=y; "+cookie) })
				if body != first || h.Get("Set-Cookie") != "" {
					t.Fatalf("moved from %s to %s", first, body)
				}
			}
		}
	})
	t.Run("by the address that a trusted proxy saw", func(t *testing.T) {
		x := run(t, `[{"arms": [{"pool": "a"}, {"pool": "b"}], "sticky": {"by": "address"}}]`, pools, `"trustedHops": 1,`)
		seen := map[string]bool{}
		for i := range 40 {
			from := func(r *http.Request) { r.Header.Set("X-Forwarded-For", fmt.Sprint("10.0.0.", i)) }
			_, first, _ := x.get("/", from)
			seen[first] = true
			if _, again, _ := x.get("/", from); again != first {
				t.Fatalf("moved from %s to %s", first, again)
			}
		}
		if len(seen) != 4 {
			t.Errorf("clients met only %v", seen)
		}
	})
}

func TestHeadersAreEdited(t *testing.T) {
	var got http.Header
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.Header().Set("Server", "secret")
	})
	x := run(t, `[{"arms": [{"pool": "a"}], "setRequestHeaders": {"X-New": "1"}, "removeRequestHeaders": ["x-OLD"],
		"setResponseHeaders": {"X-Answer": "2"}, "removeResponseHeaders": ["server"]}]`, "["+poolOf("a", "", addr)+"]")
	_, _, h := x.get("/", func(r *http.Request) { r.Header.Set("X-Old", "1") })
	if got.Get("X-New") != "1" || got.Get("X-Old") != "" || h.Get("X-Answer") != "2" || h.Get("Server") != "" {
		t.Errorf("request %v, answer %v", got, h)
	}
	if p := got.Get("Traceparent"); len(p) != 55 || !strings.HasPrefix(p, "00-") {
		t.Errorf("traceparent %q", p)
	}
	x.get("/", func(r *http.Request) { r.Header.Set("X-Datadog-Trace-Id", "7") })
	if got.Get("Traceparent") != "" || got.Get("X-Datadog-Trace-Id") != "7" {
		t.Errorf("a Datadog trace: %v", got)
	}
}

func TestRefusedRequestsEndTheirConnection(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", named(t, "a"))+"]")
	got := x.raw("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Count(got, "HTTP/1.1") != 1 {
		t.Errorf("got %q", got)
	}
}

func TestAHeadThatNeverEndsIsAnswered408(t *testing.T) {
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", named(t, "a"))+"]", `"headerTimeout": "50ms",`)
	if got := x.raw("GET / HTTP/1.1\r\nHost:"); !strings.HasPrefix(got, "HTTP/1.1 408 ") {
		t.Errorf("got %q", got)
	}
}

func TestAChangeDropsNothing(t *testing.T) {
	a, b := named(t, "a"), named(t, "b")
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", a)+"]")
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				resp, err := http.Get("http://" + x.addr)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if resp.Body.Close(); resp.StatusCode != 200 {
					t.Error(resp.Status)
				}
			}
		})
	}
	for i := range 20 {
		x.apply(`[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", "", []string{a, b}[i%2])+"]")
		time.Sleep(5 * time.Millisecond)
	}
	close(done)
	wg.Wait()
}

func TestUpstreamConnectionsBeginWithAProxyHeader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		first <- string(b[:n])
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		c.Close()
	}()
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", `, "sendProxy": 1`, l.Addr().String())+"]")
	x.get("/")
	if got := <-first; !strings.HasPrefix(got, "PROXY TCP4 127.0.0.1 127.0.0.1 ") || !strings.Contains(got, "\r\nGET / HTTP/1.1\r\n") {
		t.Errorf("got %q", got)
	}
}
