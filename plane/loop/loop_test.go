package loop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// start runs a loop until the test ends.
func start(t testing.TB) *Loop {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// listen opens a listener and returns where to dial.
func listen(t testing.TB, l *Loop, address string, accept func(*Conn) Handler) string {
	t.Helper()
	var n *Listener
	var err error
	l.Do(func() { n, err = l.Listen(address, accept) })
	if err != nil {
		t.Fatal(err)
	}
	return n.Address().String()
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// funcs is a Handler of functions; nil ones do nothing.
type funcs struct {
	open, drained, eof func(*Conn)
	data               func(*Conn, []byte) int
	closed             func(*Conn, error)
}

func (f *funcs) Open(c *Conn) {
	if f.open != nil {
		f.open(c)
	}
}

func (f *funcs) Data(c *Conn, p []byte) int {
	if f.data != nil {
		return f.data(c, p)
	}
	return len(p)
}

func (f *funcs) EOF(c *Conn) {
	if f.eof != nil {
		f.eof(c)
		return
	}
	c.Finish()
}

func (f *funcs) Drained(c *Conn) {
	if f.drained != nil {
		f.drained(c)
	}
}

func (f *funcs) Closed(c *Conn, err error) {
	if f.closed != nil {
		f.closed(c, err)
	}
}

func echo(*Conn) Handler {
	return &funcs{data: func(c *Conn, p []byte) int { c.Write(p); return len(p) }}
}

func TestBytesComeBackOverEveryFamily(t *testing.T) {
	l := start(t)
	socket := "unix:" + filepath.Join(t.TempDir(), "s")
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0", "localhost:0", socket} {
		t.Run(address, func(t *testing.T) {
			network, where := "tcp", listen(t, l, address, echo)
			if address == socket {
				network, where = "unix", address[5:]
			}
			c, err := net.Dial(network, where)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "hello"); err != nil {
				t.Fatal(err)
			}
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
				t.Errorf("got %q, %v", b, err)
			}
		})
	}
}

func TestASocketThatNobodyServesIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l := start(t)
	l.Do(func() { _, err = l.Listen("unix:"+path, echo) })
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket that is served: got %v", err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = old.Close()
	listen(t, l, "unix:"+path, echo)
}

func TestKeptBytesComeAgain(t *testing.T) {
	l := start(t)
	got := make(chan string, 10)
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int {
			if i := bytes.IndexByte(p, '\n'); i >= 0 {
				got <- string(p[:i])
				c.Pause()
				c.Resume() // the rest comes without a new event
				return i + 1
			}
			return 0
		}}
	})
	c := dial(t, where)
	long := string(bytes.Repeat([]byte("long"), 100_000))
	_, _ = io.WriteString(c, "one\ntwo\n")
	_, _ = io.WriteString(c, long+"\nend\n")
	for _, want := range []string{"one", "two", long, "end"} {
		if s := <-got; s != want {
			t.Errorf("got %.20q, want %.20q", s, want)
		}
	}
}

func TestNeedSavesCalls(t *testing.T) {
	l := start(t)
	done := make(chan int)
	calls := 0
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int {
			if calls++; len(p) < 4<<20 {
				c.Need(4 << 20)
				return 0
			}
			done <- calls
			return len(p)
		}}
	})
	c := dial(t, where)
	if _, err := c.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if n := <-done; n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestAHandlerIsChangedInTheMiddleOfBytes(t *testing.T) {
	l := start(t)
	got := make(chan string, 1)
	second := &funcs{data: func(_ *Conn, p []byte) int { got <- string(p); return len(p) }}
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int { c.SetHandler(second); return 5 }}
	})
	_, _ = io.WriteString(dial(t, where), "firstsecond")
	if s := <-got; s != "second" {
		t.Errorf("got %q", s)
	}
}

func TestADetachedConnectionKeepsItsBytes(t *testing.T) {
	l := start(t)
	conns := make(chan net.Conn, 1)
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int {
			l.Post(func() {
				nc, err := c.Detach()
				if err != nil {
					t.Error(err)
				}
				conns <- nc
			})
			return 1
		}}
	})
	c := dial(t, where)
	_, _ = io.WriteString(c, "-abc")
	d := <-conns
	defer d.Close()
	_, _ = io.WriteString(c, "def")
	_ = c.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(d); err != nil || string(b) != "abcdef" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestDialSaysWhyItFailed(t *testing.T) {
	l := start(t)
	for _, tt := range []struct {
		name, address string
		want          error
	}{
		{"nobody listens", free(t), syscall.ECONNREFUSED},
		{"the queue is full, so that no answer comes", full(t), os.ErrDeadlineExceeded},
		{"there is no such socket", "unix:/nowhere/s", syscall.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			closed := make(chan error, 1)
			l.Post(func() {
				l.Dial(tt.address, 300*time.Millisecond, &funcs{closed: func(_ *Conn, err error) { closed <- err }})
			})
			if err := <-closed; !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// free is an address where nobody listens.
func free(t *testing.T) string {
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = n.Close()
	return n.Addr().String()
}

// full is an address whose queue takes nobody more.
func full(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Listen(fd, 0)
	sa, _ := syscall.Getsockname(fd)
	where := fmt.Sprint("127.0.0.1:", sa.(*syscall.SockaddrInet4).Port)
	dial(t, where) // the one that fits
	return where
}

func TestAnEndAndAResetAreToldApart(t *testing.T) {
	l := start(t)
	closed := make(chan error, 1)
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{closed: func(_ *Conn, err error) { closed <- err }}
	})
	_ = dial(t, where).Close()
	if err := <-closed; err != nil {
		t.Errorf("an end: got %v", err)
	}
	c := dial(t, where)
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	if err := <-closed; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a reset: got %v", err)
	}
}

func TestResetIsSeenByThePeer(t *testing.T) {
	l := start(t)
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int { c.Reset(nil); return len(p) }}
	})
	c := dial(t, where)
	_, _ = io.WriteString(c, "x")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v", err)
	}
}

func TestFinishDeliversAllAlthoughThePeerStillSends(t *testing.T) {
	l := start(t)
	answer := bytes.Repeat([]byte("no "), 100_000)
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int { c.Write(answer); c.Finish(); return len(p) }}
	})
	c := dial(t, where)
	_, _ = c.Write(make([]byte, 1<<20))
	if b, err := io.ReadAll(c); err != nil || len(b) != len(answer) {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
}

func TestPostComesFromAnyGoroutine(t *testing.T) {
	l := start(t)
	n := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				l.Post(func() { n++ })
			}
		})
	}
	all.Wait()
	l.Do(func() {
		if n != 8000 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestDrainEndsWithTheLastConnection(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler { return &patient{} })
	c := dial(t, where)
	_, _ = io.WriteString(c, "x")
	_, _ = io.ReadFull(c, make([]byte, 1))
	l.Do(l.Drain)
	if _, err := net.Dial("tcp", where); err == nil {
		t.Error("a new connection was taken")
	}
	select {
	case <-ended:
		t.Fatal("the loop ended before its connection")
	default:
	}
	_, _ = io.WriteString(c, "y")
	if b, err := io.ReadAll(c); err != nil || string(b) != "y" {
		t.Errorf("got %q, %v", b, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if l.Post(func() {}) {
		t.Error("a loop that has ended takes work")
	}
}

// patient echoes; drained, it ends after one more answer.
type patient struct{ funcs }

func (*patient) Data(c *Conn, p []byte) int {
	c.Write(p)
	if c.Loop().draining {
		c.Finish()
	}
	return len(p)
}
func (*patient) Drain(*Conn) {}

func TestAnIdleConnectionIsSmall(t *testing.T) {
	l := start(t)
	where := listen(t, l, "127.0.0.1:0", echo)
	const n = 2000
	before := heap()
	for range n {
		c := dial(t, where)
		_, _ = io.WriteString(c, "hello")
		_, _ = io.ReadFull(c, make([]byte, 5))
	}
	// The test's own ends are in here too.
	if each := (heap() - before) / n; each > 1500 {
		t.Errorf("%d bytes for a connection and its peer", each)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
