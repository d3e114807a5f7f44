package memcache

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

// FuzzClient gives a plane whatever bytes a client may send, in front of shards
// that answer whatever comes to their mind. It must end each connection in time,
// and never panic.
func FuzzClient(f *testing.F) {
	for _, s := range []string{
		"get a b c d e\r\nset a 0 0 1\r\nx\r\n", "mg a v q\r\nmn\r\nms a 1 q\r\nx\r\n", "gat 1 a b c\r\nincr a 1 noreply\r\n",
		"set a 0 0 99999999999\r\n", "cas a 0 0 1 1\r\nxyz\r\nquit\r\n", "mg YQ== b\r\nmg\r\nmd\r\nverbosity\r\n", "\x80abc", "flush_all noreply\r\nstats\r\n",
	} {
		f.Add([]byte(s))
	}
	where := planeOf(f, func(_ *config.Listener, p *config.Pool) {
		p.Timeout = config.Duration(100 * time.Millisecond)
		p.Health.Failures = -1
	}, moody(f, 0), moody(f, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := net.Dial("tcp", where)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		go func() {
			_, _ = c.Write(b)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%q: the connection does not end", b)
		}
	})
}

// moody is a shard that answers each line with one of many things.
func moody(t testing.TB, mood int) string {
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	answers := []string{
		"STORED\r\n", "END\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n", "HD\r\n", "EN\r\n", "VA 1 f1\r\nx\r\n", "SERVER_ERROR no\r\n", "NF\r\n",
		"VALUE a 0 1\r\nx\r\nVALUE b 0 0\r\n\r\nEND\r\n", "5\r\n", "VALUE a 0 9\r\nx\r\nEND\r\n", "VALUE\r\n",
	}
	go func() {
		for {
			c, err := n.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 4096)
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					for range bytes.Count(b[:n], []byte("\n")) {
						mood++
						if _, err := io.WriteString(c, answers[mood%len(answers)]); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return n.Addr().String()
}
