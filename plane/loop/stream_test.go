package loop

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// relay sends what comes from one connection to another, paused while the
// other does not take it, and ends with it: the shape of every proxy.
type relay struct {
	to      *Conn
	pending int // the largest seen
}

func (r *relay) Open(*Conn) {}

func (r *relay) Data(c *Conn, p []byte) int {
	if rand.IntN(2) == 0 {
		r.to.Write(p)
	} else {
		r.to.WriteThrough(p)
	}
	if r.pending = max(r.pending, r.to.Pending()); r.to.Full(64 << 10) {
		c.Pause()
	}
	return len(p)
}

func (r *relay) EOF(*Conn)           { r.to.CloseWrite() }
func (r *relay) Drained(*Conn)       { r.to.Resume() }
func (r *relay) Closed(*Conn, error) { r.to.Close(nil) }

func relayTo(l *Loop, address string, seen func(a, b *relay)) func(*Conn) Handler {
	return func(c *Conn) Handler {
		front, back := &relay{}, &relay{to: c}
		front.to = l.Dial(address, time.Second, back)
		if seen != nil {
			seen(front, back)
		}
		return front
	}
}

func TestManyStreamsPassUnchangedInBoundedMemory(t *testing.T) {
	l := start(t)
	var mu sync.Mutex
	var relays []*relay
	back := listen(t, l, "127.0.0.1:0", func(c *Conn) Handler {
		return &funcs{
			data: func(c *Conn, p []byte) int {
				c.Write(p)
				if c.Full(64 << 10) {
					c.Pause()
				}
				return len(p)
			},
			drained: func(c *Conn) { c.Resume() },
			eof:     func(c *Conn) { c.CloseWrite() },
		}
	})
	front := listen(t, l, "127.0.0.1:0", relayTo(l, back, func(a, b *relay) {
		mu.Lock()
		relays = append(relays, a, b)
		mu.Unlock()
	}))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() { stream(t, front, 3<<20+i*1001, uint64(i)) })
	}
	all.Wait()
	l.Do(func() {
		for _, r := range relays {
			if r.pending > 64<<10+readSize {
				t.Errorf("%d bytes waited in one connection", r.pending)
			}
		}
	})
}

// stream sends size random bytes, ends its side and expects them back.
func stream(t *testing.T, address string, size int, seed uint64) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	sent, got := sha256.New(), sha256.New()
	go func() {
		r := rand.New(rand.NewPCG(seed, seed))
		for left := size; left > 0; {
			p := make([]byte, min(left, 1+r.IntN(70000)))
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			sent.Write(p)
			if _, err := c.Write(p); err != nil {
				t.Error(err)
				return
			}
			left -= len(p)
		}
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	n, err := io.Copy(got, c)
	if err != nil || n != int64(size) || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		t.Errorf("got %d bytes of %d, %v", n, size, err)
	}
}

func TestAPeerThatNeverReadsDoesNotGrowMemory(t *testing.T) {
	l := start(t)
	most := 0
	where := listen(t, l, "127.0.0.1:0", func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) int {
			c.Write(bytes.Repeat(p, 8))
			if most = max(most, c.Pending()); c.Full(1 << 20) {
				c.Pause()
			}
			return len(p)
		}}
	})
	c := dial(t, where)
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := io.CopyN(c, zeros{}, 1<<30)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	l.Do(func() {
		if most > 1<<20+8*readSize {
			t.Errorf("%d bytes waited", most)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
