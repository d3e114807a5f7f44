package redis

import (
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
		"MGET a b c d e f\r\nSCAN 0\r\nDBSIZE\r\n", "MULTI\r\nSET a 1\r\nEXEC\r\nPING\r\n", "SUBSCRIBE a\r\nUNSUBSCRIBE a\r\nGET a\r\n",
		"HELLO 3\r\nMSET a 1 b 2 c 3\r\n", "WATCH a\r\nMULTI\r\nGET a\r\nDISCARD\r\n", "BLPOP a 0\r\nGET b\r\n", "EVAL x 2 a b\r\nSCRIPT LOAD x\r\n",
		"*3\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\nb\r\n", "CLIENT\r\nCONFIG\r\nAUTH\r\nHELLO 2 AUTH a b SETNAME c\r\nRESET\r\nQUIT\r\n",
	} {
		f.Add([]byte(s))
	}
	p := planeOf(f, []string{moody(f, 0), moody(f, 1), moody(f, 2)}, func(_ *config.Listener, p *config.Pool) {
		p.Timeout = config.Duration(100 * time.Millisecond)
		p.Health.Failures = -1
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := net.Dial("tcp", p.address)
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

// moody is a shard that reads requests and answers each with one of many things.
func moody(t testing.TB, seed int) string {
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	go func() {
		for {
			c, err := n.Accept()
			if err != nil {
				return
			}
			go answerMoody(c, seed)
		}
	}()
	return n.Addr().String()
}

func answerMoody(c net.Conn, mood int) {
	defer c.Close()
	answers := []string{
		"+OK\r\n", ":1\r\n", "$-1\r\n", "*0\r\n", "-ERR no\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", "$3\r\nabc\r\n", "*-1\r\n", "_\r\n",
		"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n", "*2\r\n:1\r\n:2\r\n", "-\n", ">1\r\n+x\r\n+OK\r\n",
	}
	var r request
	buf := make([]byte, 0, 1<<16)
	for {
		n, err := c.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return
		}
		buf = buf[:len(buf)+n]
		for {
			n, _, err := r.parse(buf, 1<<16)
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			buf = buf[:copy(buf, buf[n:])]
			mood++
			if _, err := io.WriteString(c, answers[mood%len(answers)]); err != nil {
				return
			}
		}
		if len(buf) == cap(buf) {
			return
		}
	}
}
