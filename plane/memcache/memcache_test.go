package memcache

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/proxy"
)

// run runs memcached until the test ends.
func run(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("memcached")
	if err != nil {
		t.Fatal("this test asks real shards: install Debian's packages memcached and libmemcached-tools, as make test does")
	}
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := n.Addr().String()
	_ = n.Close()
	_, port, _ := net.SplitHostPort(address)
	c := exec.CommandContext(context.Background(), program, "-l", "127.0.0.1", "-p", port, "-U", "0", "-u", "nobody", "-m", "32", "-t", "1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) { // it tells nobody when it listens
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("memcached does not listen")
		}
	}
}

// planeOf runs a proxy in front of shards.
func planeOf(t *testing.T, edit func(l *config.Listener, p *config.Pool), shards ...string) string {
	t.Helper()
	p, err := proxy.New(proxy.Options{Codecs: map[config.Protocol]proxy.Codec{
		config.Memcache: func(e proxy.Env) proxy.Service { return New(e.Loop, e.Log, e.Listener) },
	}, Drain: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	c := &config.Config{
		Listeners: []config.Listener{{Name: "m", Address: "127.0.0.1:0", Protocol: config.Memcache, Routes: []config.Route{{Arms: []config.Arm{{Pool: "p"}}}}}},
		Pools:     []config.Pool{{Name: "p", Balance: config.Balance{Algorithm: config.Ketama}}},
	}
	for i, s := range shards {
		c.Pools[0].Endpoints = append(c.Pools[0].Endpoints, config.Endpoint{Name: fmt.Sprint("shard-", i), Address: s})
	}
	if edit != nil {
		edit(&c.Listeners[0], &c.Pools[0])
	}
	if err := p.Apply(c); err != nil {
		t.Fatal(err)
	}
	return p.Addresses()["m"]
}

// talk sends a script and returns all that comes until the answer to version.
func talk(t *testing.T, address, script string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, strings.ReplaceAll(script, "\n", "\r\n")+"version\r\n")
	r := bufio.NewReader(c)
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, b.String())
		}
		if strings.HasPrefix(line, "VERSION ") {
			return b.String()
		}
		b.WriteString(line)
	}
}

// What memcached alone answers, three of them behind the plane must answer too.
// Values of one get may come in another order, so these scripts ask in the
// order of shards or for one key.
func TestThePlaneAnswersLikeMemcached(t *testing.T) {
	alone := run(t)
	many := planeOf(t, nil, run(t), run(t), run(t))
	for _, tt := range []struct{ name, script string }{
		{"storage", "set a 5 0 3\nabc\nget a\nadd a 0 0 1\nx\nadd b 0 0 1\nx\nreplace b 1 0 2\nyy\nget b\nappend a 0 0 1\nd\nprepend a 0 0 1\nz\nget a\nreplace none 0 0 1\nx\n"},
		{"numbers", "set n 0 0 2\n10\nincr n 5\ndecr n 20\nincr none 1\nset w 0 0 1\nx\nincr w 1\n"},
		{"deletion and touch", "set d 0 0 1\nx\ntouch d 100\ntouch none 1\ndelete d\ndelete d\nget d\ngat 10 d\nset d 0 0 1\ny\ngat 10 d\n"},
		{"noreply", "set q 0 0 1 noreply\nx\nget q\nincr q 1 noreply\ndelete q noreply\nget q\nadd q 0 0 1 noreply\ny\nget q\n"},
		{"many keys", "set k1 0 0 1\n1\nget none k1 nothing\nget none nothing other\n"},
		{"wrong commands", "nosuch\nget\nset a b\nset a 0 0 3\nabcde\nincr n\n\ndelete\n"},
		{"meta get", "set m 3 0 2\nhi\nmg m\nmg m v\nmg m v f k s Oabc\nmg none v\nmg none v q\nmg m v q\nmn\n"},
		{"meta set", "ms s 2\nhi\nms s 2 MA\nyo\nmg s v\nms s 2 ME\nno\nms s 2 q\nok\nms s 2 q ME\nno\nmn\nmg s v\n"},
		{"meta delete", "ms x 1\n1\nmd x\nmd x\nmd x q\nms x 1\n1\nmd x q\nmn\nmg x v\n"},
		{"meta arithmetic", "ma c\nma c N0 J5 v\nma c v\nma c D3 v\nma c MD D1 v\nma c q\nma none q\nmn\n"},
		{"binary keys", "ms Zm9v 1 b\n1\nget foo\nmg Zm9v v b k\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want, got := talk(t, alone, tt.script), talk(t, many, tt.script)
			if got != want {
				t.Errorf("memcached answers\n%q\nthe plane\n%q", want, got)
			}
		})
	}
}

func TestAGetIsSplit(t *testing.T) {
	many := planeOf(t, nil, run(t), run(t), run(t))
	var script strings.Builder
	keys := ""
	for i := range 40 {
		fmt.Fprintf(&script, "set key%d 7 0 %d noreply\n%s\n", i, i, strings.Repeat("v", i))
		keys += fmt.Sprintf(" key%d missing%d", i, i)
	}
	got := talk(t, many, script.String()+"get"+keys+"\n")
	for i := range 40 {
		if !strings.Contains(got, fmt.Sprintf("VALUE key%d 7 %d\r\n%s\r\n", i, i, strings.Repeat("v", i))) {
			t.Errorf("no key%d in %q", i, got)
		}
	}
	if strings.Count(got, "VALUE ") != 40 || !strings.HasSuffix(got, "\r\nEND\r\n") || strings.Count(got, "END\r\n") != 1 {
		t.Errorf("got %q", got)
	}
	cas := talk(t, many, "gets key1\n")
	if f := strings.Fields(cas); len(f) < 5 || !strings.HasPrefix(talk(t, many, fmt.Sprintf("cas key1 0 0 1 %s\nx\ncas key1 0 0 1 %s\ny\n", f[4], f[4])), "STORED\r\nEXISTS\r\n") {
		t.Errorf("gets answers %q", cas)
	}
}

func TestWhatIsRefused(t *testing.T) {
	many := planeOf(t, func(l *config.Listener, _ *config.Pool) { l.Routes[0].MaxBodySize = 1000 }, run(t))
	for _, tt := range []struct{ script, want string }{
		{"flush_all\n", "SERVER_ERROR nagi: flush_all is refused: it would empty every shard; ask the shards themselves\r\n"},
		{"stats\n", "SERVER_ERROR nagi: stats is refused: it concerns one shard; ask the shard itself\r\n"},
		{"flush_all noreply\n", ""},
		{"set a 0 0 5000\n" + strings.Repeat("x", 5000) + "\nget a\n", "SERVER_ERROR object too large for cache\r\nEND\r\n"},
		{"get " + strings.Repeat("k", 251) + "\n", "CLIENT_ERROR bad command line format\r\n"},
	} {
		if got := talk(t, many, tt.script); got != tt.want {
			t.Errorf("%.40q: got %q, want %q", tt.script, got, tt.want)
		}
	}
	c, err := net.Dial("tcp", many)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = c.Write(append([]byte{0x80, 0}, make([]byte, 22)...))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a binary client was answered")
	}
}

func TestADeadShardIsNamed(t *testing.T) {
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = n.Close()
	many := planeOf(t, nil, n.Addr().String())
	if got := talk(t, many, "get a\n"); !strings.HasPrefix(got, "SERVER_ERROR nagi: shard shard-0 (") || !strings.HasSuffix(got, "connection refused\r\n") {
		t.Errorf("got %q", got)
	}
}

// memccapable is libmemcached's test of what a server can do. flush_all and what
// needs it are refused here, and so left out; so is "ascii quit", which memcached
// itself does not pass alone.
func TestMemccapable(t *testing.T) {
	program, err := exec.LookPath("memccapable")
	if err != nil {
		t.Fatal("install Debian's package libmemcached-tools, as make test does")
	}
	_, port, _ := net.SplitHostPort(planeOf(t, nil, run(t), run(t), run(t)))
	for _, name := range []string{
		"ascii version", "ascii verbosity", "ascii set", "ascii set noreply", "ascii get", "ascii gets", "ascii mget",
		"ascii add", "ascii add noreply", "ascii replace", "ascii replace noreply", "ascii cas", "ascii cas noreply", "ascii delete",
		"ascii delete noreply", "ascii incr", "ascii incr noreply", "ascii decr", "ascii decr noreply", "ascii append",
		"ascii append noreply", "ascii prepend", "ascii prepend noreply",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			out, err := exec.CommandContext(ctx, program, "-h", "127.0.0.1", "-p", port, "-t", "5", "-T", name).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "[pass]") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"END\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n", "VALUE a 0 1\r\nx\r\nVALUE b 0 0 5\r\n\r\nEND\r\n", "VA 2 f1\r\nhi\r\n", "STORED\r\n"} {
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, p []byte, step uint8) {
		n, _, err := new(scanner).Scan(p)
		if n < 0 || n > len(p) || n > 0 && err != nil {
			t.Fatalf("%d of %d, %v", n, len(p), err)
		}
		if n == 0 {
			return
		}
		var s, d scanner
		gone, ended := 0, false
		for have := int(step%9) + 1; ; have += int(step%9) + 1 {
			have = min(have, n)
			m, _, err := s.Scan(p[:have])
			if err != nil || m != 0 && m != n {
				t.Fatalf("%q: ends at %d, in pieces at %d, %v", p, n, m, err)
			}
			for !ended {
				done, end, err := d.Discard(p[gone:have])
				if err != nil {
					t.Fatal(err)
				}
				gone += done
				if ended = end; done == 0 || gone == have {
					break
				}
			}
			if have == n {
				if m != n || !ended || gone != n {
					t.Fatalf("%q: ends at %d, in pieces at %d, discarded to %d, %v", p, n, m, gone, ended)
				}
				return
			}
		}
	})
}

// FuzzWords splits lines.
func FuzzWords(f *testing.F) {
	f.Add([]byte("set a 0 0 1"))
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, w := range words(nil, p) {
			if len(w) == 0 || strings.ContainsAny(string(w), " \r") {
				t.Fatalf("%q in %q", w, p)
			}
			if _, ok := digits(w); ok && strings.Trim(string(w), "0123456789") != "" {
				t.Fatalf("%q is a number", w)
			}
		}
	})
}
