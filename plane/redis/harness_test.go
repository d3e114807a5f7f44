package redis

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/proxy"
)

// A shardServer is a real redis-server.
type shardServer struct {
	address string
	cmd     *exec.Cmd
}

// runRedis runs redis-server until the test ends.
func runRedis(t testing.TB, address string, args ...string) *shardServer {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("this test asks real shards: install Debian's packages redis-server and redis-tools, as make test does")
	}
	host, port, _ := net.SplitHostPort(address)
	c := exec.CommandContext(context.Background(), program,
		append([]string{"--port", port, "--bind", host, "--save", "", "--dir", t.TempDir(), "--enable-debug-command", "yes"}, args...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s := &shardServer{address, c}
	t.Cleanup(s.kill)
	until(t, "redis-server listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return s
}

func (s *shardServer) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

// until asks again and again, for other processes tell nobody when they are ready.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 10s it is still not so that %s", what)
		}
	}
}

// free returns addresses where nobody listens.
func free(t testing.TB, n int) (all []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all
}

// A plane is a proxy with one listener.
type plane struct {
	*proxy.Proxy
	t       testing.TB
	config  *config.Config
	address string
}

// planeOf runs a proxy in front of shards. edit may change the document.
func planeOf(t testing.TB, shards []string, edit func(l *config.Listener, p *config.Pool)) *plane {
	t.Helper()
	p, err := proxy.New(proxy.Options{Codecs: map[config.Protocol]proxy.Codec{
		config.Redis: func(e proxy.Env) proxy.Service { return New(e.Loop, e.Log, e.Listener) },
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
	x := &plane{Proxy: p, t: t}
	x.apply(shards, edit)
	x.address = p.Addresses()["redis"]
	return x
}

// apply puts a document in force.
func (x *plane) apply(shards []string, edit func(l *config.Listener, p *config.Pool)) {
	x.t.Helper()
	c := &config.Config{
		Listeners: []config.Listener{{Name: "redis", Address: "127.0.0.1:0", Protocol: config.Redis, Routes: []config.Route{{Arms: []config.Arm{{Pool: "p"}}}}}},
		Pools:     []config.Pool{{Name: "p", Balance: config.Balance{Algorithm: config.Ketama, HashTag: "{}"}}},
	}
	for i, s := range shards {
		c.Pools[0].Endpoints = append(c.Pools[0].Endpoints, config.Endpoint{Name: fmt.Sprint("shard-", i), Address: s})
	}
	if edit != nil {
		edit(&c.Listeners[0], &c.Pools[0])
	}
	if err := c.Validate(); err != nil {
		x.t.Fatal(err)
	}
	if err := x.Apply(c); err != nil {
		x.t.Fatal(err)
	}
	x.config = c
}

// three runs three shards and a plane.
func three(t testing.TB, edit func(l *config.Listener, p *config.Pool)) (*plane, []*shardServer) {
	t.Helper()
	var servers []*shardServer
	addresses := free(t, 3)
	for _, a := range addresses {
		servers = append(servers, runRedis(t, a))
	}
	return planeOf(t, addresses, edit), servers
}

// A user speaks RESP by hand.
type user struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func dial(t testing.TB, address string) *user {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &user{c, bufio.NewReader(c), t}
}

// send writes a command of words.
func (u *user) send(line string) {
	var args [][]byte
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	_, _ = u.Write(encode(nil, args...))
}

// read returns the next reply as text on one line.
func (u *user) read() string {
	u.t.Helper()
	s, err := readReply(u.r)
	if err != nil {
		u.t.Fatalf("read reply: %v", err)
	}
	return s
}

// do sends a command and returns its reply.
func (u *user) do(line string) string {
	u.t.Helper()
	u.send(line)
	return u.read()
}

// readReply turns a reply into text: ints as :1, nil as nil, arrays in brackets.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '+', '-', ':':
		return line, nil
	case '_':
		return "nil", nil
	case '$':
		if n < 0 {
			return "nil", nil
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		return string(b[:n]), nil
	case '%':
		n *= 2
	case '*', '>', '~':
	default:
		return "", fmt.Errorf("a reply begins with %q", line)
	}
	if n < 0 {
		return "nil", nil
	}
	var all []string
	for range n {
		s, err := readReply(r)
		if err != nil {
			return "", err
		}
		all = append(all, s)
	}
	return "[" + strings.Join(all, " ") + "]", nil
}
