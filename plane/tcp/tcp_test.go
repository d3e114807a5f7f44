package tcp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/proxy"
)

// echo answers with its name and what it gets.
func echo(t *testing.T, name string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, name)
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func run(t *testing.T, route, pool string) string {
	t.Helper()
	p, err := proxy.New(proxy.Options{Codecs: map[config.Protocol]proxy.Codec{config.TCP: New}, Drain: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	c, err := config.Parse(fmt.Appendf(nil, `{"listeners":[{"name":"l","address":"127.0.0.1:0","protocol":"tcp","routes":[{"arms":[{"pool":"p"}]%s}]}],
		"pools":[{"name":"p","endpoints":[%s]}]}`, route, pool))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(c); err != nil {
		t.Fatal(err)
	}
	return p.Addresses()["l"]
}

func through(t *testing.T, address string, sent []byte) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		_, _ = c.Write(sent)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	b, err := io.ReadAll(c)
	if err != nil && len(b) > 0 {
		t.Fatal(err)
	}
	return string(b)
}

func TestBytesGoBothWays(t *testing.T) {
	sent := bytes.Repeat([]byte("nagi"), 1<<20)
	if got := through(t, run(t, "", fmt.Sprintf(`{"address":%q}`, echo(t, "a:"))), sent); got != "a:"+string(sent) {
		t.Errorf("%d bytes, want %d", len(got), len(sent)+2)
	}
}

func TestADeadEndpointIsPassedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	address := run(t, `,"retry":{}`, fmt.Sprintf(`{"address":%q},{"address":%q}`, l.Addr(), echo(t, "b:")))
	for range 20 {
		if got := through(t, address, []byte("x")); got != "b:x" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestAClientStaysByItsAddress(t *testing.T) {
	address := run(t, `,"sticky":{"by":"address"}`, fmt.Sprintf(`{"address":%q},{"address":%q},{"address":%q}`, echo(t, "a"), echo(t, "b"), echo(t, "c")))
	first := through(t, address, nil)
	for range 10 {
		if got := through(t, address, nil); got != first {
			t.Fatalf("moved from %s to %s", first, got)
		}
	}
}

func TestARateOfConnections(t *testing.T) {
	address := run(t, `,"limit":{"perSecond":0.1,"burst":1}`, fmt.Sprintf(`{"address":%q}`, echo(t, "a")))
	if got := through(t, address, nil); got != "a" {
		t.Fatal(got)
	}
	if got := through(t, address, nil); got != "" {
		t.Errorf("the second got %q", got)
	}
}
