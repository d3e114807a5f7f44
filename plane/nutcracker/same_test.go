package nutcracker

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/memcache"
	"nagi.dev/plane/proxy"
	"nagi.dev/plane/redis"
)

// program runs another program until the test ends, and waits until it listens.
func program(t *testing.T, network, address, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs %s: install Debian's packages nutcracker, redis-server and memcached, as make test does", name)
	}
	c := exec.CommandContext(context.Background(), path, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) { // it tells nobody when it listens
		if c, err := net.Dial(network, address); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen", name)
		}
	}
}

func ports(t *testing.T, n int) (all []string) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		all = append(all, port)
	}
	return all
}

// One file, read by twemproxy and by the plane: what is written through one is
// found through the other, so that a fleet can move over one by one.
func TestTwemproxyAndThePlaneShareServers(t *testing.T) {
	dir := t.TempDir()
	port := ports(t, 7)
	for _, p := range port[:3] {
		program(t, "tcp", "127.0.0.1:"+p, "redis-server", "--port", p, "--bind", "127.0.0.1", "--save", "", "--dir", dir)
	}
	for _, p := range port[3:6] {
		program(t, "tcp", "127.0.0.1:"+p, "memcached", "-l", "127.0.0.1", "-p", p, "-U", "0", "-u", "nobody", "-m", "16")
	}
	file := func(who string) string {
		return fmt.Sprintf(`
r:
  listen: %[1]s/%[2]s-r 0600
  hash: murmur
  distribution: ketama
  hash_tag: "{}"
  redis: true
  auto_eject_hosts: true
  server_retry_timeout: 2000
  server_failure_limit: 1
  timeout: 2000
  servers:
  - 127.0.0.1:%[3]s:1
  - 127.0.0.1:%[4]s:3 heavy
  - 127.0.0.1:%[5]s:1
m:
  listen: %[1]s/%[2]s-m
  hash: hsieh
  distribution: modula
  preconnect: true
  servers:
  - 127.0.0.1:%[6]s:1
  - 127.0.0.1:%[7]s:2
  - 127.0.0.1:%[8]s:1 a
`, dir, who, port[0], port[1], port[2], port[3], port[4], port[5])
	}
	path := filepath.Join(dir, "nutcracker.yml")
	if err := os.WriteFile(path, []byte(file("theirs")), 0o600); err != nil {
		t.Fatal(err)
	}
	program(t, "unix", dir+"/theirs-m", "nutcracker", "-c", path, "-a", "127.0.0.1", "-s", port[6], "-o", filepath.Join(dir, "log"))
	runPlane(t, file("ours"))
	if i, err := os.Stat(dir + "/ours-r"); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the mode of the socket is %v, %v", i.Mode(), err)
	}
	for _, way := range [][2]string{{"theirs", "ours"}, {"ours", "theirs"}} {
		w, r := open(t, dir+"/"+way[0]+"-r"), open(t, dir+"/"+way[1]+"-r")
		wm, rm := open(t, dir+"/"+way[0]+"-m"), open(t, dir+"/"+way[1]+"-m")
		for i := range 300 {
			k := fmt.Sprintf("%s:%d", way[0], i)
			w.expect(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$1\r\nx\r\n", len(k), k), "+OK\r\n")
			r.expect(fmt.Sprintf("*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(k), k), "$1\r\nx\r\n")
			wm.expect("set "+k+" 0 0 1\r\ny\r\n", "STORED\r\n")
			rm.expect("get "+k+"\r\n", "VALUE "+k+" 0 1\r\ny\r\nEND\r\n")
		}
	}
}

func runPlane(t *testing.T, text string) {
	t.Helper()
	c, _, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Options{Codecs: map[config.Protocol]proxy.Codec{
		config.Redis:    func(e proxy.Env) proxy.Service { return redis.New(e.Loop, e.Log, e.Listener) },
		config.Memcache: func(e proxy.Env) proxy.Service { return memcache.New(e.Loop, e.Log, e.Listener) },
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
	if err := p.Apply(c); err != nil {
		t.Fatal(err)
	}
}

// A talker expects answers.
type talker struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func open(t *testing.T, socket string) talker {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return talker{c, bufio.NewReader(c), t}
}

func (c talker) expect(say, want string) {
	c.t.Helper()
	_, _ = c.Write([]byte(say))
	var got strings.Builder
	for got.Len() < len(want) {
		line, err := c.r.ReadString('\n')
		got.WriteString(line)
		if err != nil || !strings.HasPrefix(want, got.String()) {
			c.t.Fatalf("%q: got %q, %v, want %q", say, got.String(), err, want)
		}
	}
}
