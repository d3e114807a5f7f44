package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"

	"nagi.dev/bus"
)

// mostUnsent is how many bytes a link holds for the socket before callers wait.
const mostUnsent = 4 << 20

// A link is one connection of a client. Whoever sends while nobody writes
// writes for all; one goroutine reads.
type link struct {
	c net.Conn

	mu      sync.Mutex // guards what follows
	taken   *sync.Cond // out was taken, or the link ended
	out     []byte
	spare   []byte
	writing bool
	next    uint32
	pending map[uint32]chan answer
	err     error // why the link ended
}

// An answer is the payload of a frame, or the error in it.
type answer struct {
	payload []byte
	err     error
}

func newLink(c net.Conn) *link {
	k := &link{c: c, pending: map[uint32]chan answer{}, out: []byte(hello)}
	k.taken = sync.NewCond(&k.mu)
	go k.read()
	return k
}

func (k *link) ended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err != nil
}

// send writes a request. The place of its answer is there before.
func (k *link) send(ctx context.Context, kind byte, payload func([]byte) []byte) (*Pending, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Pending{k: k, answer: make(chan answer, 1)}
	k.mu.Lock()
	for len(k.out) > mostUnsent && k.err == nil {
		k.taken.Wait()
	}
	if k.err != nil {
		k.mu.Unlock()
		return nil, k.err
	}
	k.next++
	p.request = k.next
	b, start := open(k.out, p.request, kind)
	b = payload(b)
	if n := len(b) - start; n > MaxFrame {
		k.mu.Unlock()
		return nil, fmt.Errorf("a request of %d bytes is above %d: %w", n, MaxFrame, bus.ErrInvalid)
	}
	k.out = shut(b, start)
	k.pending[p.request] = p.answer
	k.write()
	return p, nil
}

// write sends what is there, unless another caller does. It unlocks k.mu.
func (k *link) write() {
	defer k.mu.Unlock()
	if k.writing {
		return
	}
	k.writing = true
	for len(k.out) > 0 && k.err == nil {
		b := k.out
		k.out, k.spare = k.spare[:0], nil
		k.mu.Unlock()
		_, err := k.c.Write(b)
		k.mu.Lock()
		if k.spare = b; cap(b) > 1<<20 {
			k.spare = nil
		}
		k.taken.Broadcast()
		if err != nil {
			k.end(err)
		}
	}
	k.writing = false
}

// forget gives a call up. Its answer still has a place.
func (k *link) forget(p *Pending) {
	k.mu.Lock()
	if k.err != nil {
		k.mu.Unlock()
		return
	}
	b, start := open(k.out, 0, kindForget)
	k.out = shut(binary.AppendUvarint(b, uint64(p.request)), start)
	k.write()
}

// read hands out answers until the connection ends.
func (k *link) read() {
	r := bufio.NewReaderSize(k.c, bufferSize)
	var head [headerSize]byte
	for {
		_, err := io.ReadFull(r, head[:])
		var size int
		var request uint32
		var kind byte
		if err == nil {
			size, request, kind, err = header(head[:])
		}
		var payload []byte
		if err == nil {
			payload = make([]byte, size)
			_, err = io.ReadFull(r, payload)
		}
		if err != nil {
			k.mu.Lock()
			k.end(err)
			k.mu.Unlock()
			return
		}
		k.deliver(request, kind, payload)
	}
}

func (k *link) deliver(request uint32, kind byte, payload []byte) {
	a := answer{payload: payload}
	if kind != kindOK {
		r := &reader{b: payload}
		if a.err = r.error(); a.err == nil || r.bad {
			a.err = errFrame
		}
	}
	k.mu.Lock()
	c := k.pending[request]
	delete(k.pending, request)
	k.mu.Unlock()
	if c != nil {
		c <- a // it has room for one
	}
}

// end answers all calls with ErrLost. k.mu is held.
func (k *link) end(cause error) {
	if k.err != nil {
		return
	}
	k.err = fmt.Errorf("%w: %v", ErrLost, cause)
	for _, c := range k.pending {
		c <- answer{err: k.err}
	}
	clear(k.pending)
	k.taken.Broadcast()
	_ = k.c.Close() // it is over
}

func (k *link) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end(net.ErrClosed)
	return nil
}
