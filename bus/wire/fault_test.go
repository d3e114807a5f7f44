package wire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"nagi.dev/bus"
	"nagi.dev/bus/wire"
)

// raw is a connection that speaks the protocol as badly as a test wants.
func raw(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBadFramesEndTheirConnectionOnly(t *testing.T) {
	addr := serve(t, engine(t, time.Now), wire.Options{Slow: 200 * time.Millisecond})
	good := client(t, addr)
	for name, bytes := range map[string]string{
		"another protocol":         "GET / HTTP/1.1\r\n\r\n",
		"a frame without a kind":   "NAGIBUS1\x00\x00\x00\x01\x00\x00\x00\x00\x00",
		"a frame of two gigabytes": "NAGIBUS1\x7f\xff\xff\xff\x00\x00\x00\x01\x03",
		"an unknown kind":          "NAGIBUS1\x00\x00\x00\x07\x00\x00\x00\x01\xee\x01q",
		"more entries than bytes":  "NAGIBUS1\x00\x00\x00\x08\x00\x00\x00\x01\x03\x01q\xff",
		"nothing at all":           "",
	} {
		t.Run(name, func(t *testing.T) {
			c := raw(t, addr)
			if _, err := io.WriteString(c, bytes); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(c); len(b) > 0 || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the server answers %q %v", b, err)
			}
		})
	}
	if _, err := good.Append(t.Context(), "q", []bus.Entry{{}}); err != nil {
		t.Error(err)
	}
}

func TestOneBadAppendTakesNoOtherWithIt(t *testing.T) {
	c := client(t, serve(t, engine(t, time.Now), wire.Options{}))
	if err := c.Configure(t.Context(), "q", bus.Config{MaxItem: 4}); err != nil {
		t.Fatal(err)
	}
	var sent []*wire.Pending
	for i := range 100 {
		p, err := c.AppendSoon(t.Context(), "q", []bus.Entry{{Body: make([]byte, i%8)}})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, p)
	}
	last := uint64(0)
	for i, p := range sent {
		numbers, err := p.Numbers(t.Context())
		if fits := i%8 <= 4; fits != (err == nil) || !fits && !errors.Is(err, bus.ErrInvalid) {
			t.Fatalf("append %d: %v", i, err)
		}
		if err == nil {
			if numbers[0] != last+1 {
				t.Fatalf("append %d got number %d after %d", i, numbers[0], last)
			}
			last = numbers[0]
		}
	}
}

func TestClientThatReadsNothingIsCutOff(t *testing.T) {
	addr := serve(t, engine(t, time.Now), wire.Options{Slow: 100 * time.Millisecond})
	good := client(t, addr)
	body := make([]byte, 1<<20)
	for range 8 {
		if _, err := good.Append(t.Context(), "q", []bus.Entry{{Body: body}}); err != nil {
			t.Fatal(err)
		}
	}
	c := raw(t, addr)
	request := binary.BigEndian.AppendUint32(nil, 9)
	request = append(request, 0, 0, 0, 1, 4, 1, 'q', 0, 1, 100) // read q from 1, 100 items
	request[3] = byte(len(request) - 4)
	all := []byte("NAGIBUS1")
	for range 64 {
		all = append(all, request...)
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	// It goes on asking until the server has had enough.
	for {
		if _, err := c.Write(request); err != nil {
			break
		}
		if _, err := good.Count(t.Context(), "q"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := good.Append(t.Context(), "q", []bus.Entry{{}}); err != nil {
		t.Error(err)
	}
}

func TestLeasesOfAVanishedClientRunOut(t *testing.T) {
	addr := serve(t, engine(t, time.Now), wire.Options{})
	gone, other := client(t, addr), client(t, addr)
	if err := other.Configure(t.Context(), "q", bus.Config{Lease: 50 * time.Millisecond, Backoff: bus.Backoff{First: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Append(t.Context(), "q", []bus.Entry{{}}); err != nil {
		t.Fatal(err)
	}
	first, err := gone.Lease(t.Context(), "q", bus.Want{Owner: "gone"})
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	_ = gone.Close()
	items, err := other.Lease(t.Context(), "q", bus.Want{Wait: 20 * time.Second})
	if err != nil || len(items) != 1 || items[0].Attempt != 2 {
		t.Fatal(items, err)
	}
}

func TestAWaitThatWasGivenUpTakesNoItem(t *testing.T) {
	addr := serve(t, engine(t, time.Now), wire.Options{})
	a, b := client(t, addr), client(t, addr)
	if err := b.Configure(t.Context(), "q", bus.Config{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := a.Lease(ctx, "q", bus.Want{Wait: time.Hour})
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := b.Append(t.Context(), "q", []bus.Entry{{}}); err != nil {
		t.Fatal(err)
	}
	// If the server gave it to the one who left, it comes back at once.
	items, err := b.Lease(t.Context(), "q", bus.Want{Wait: 20 * time.Second})
	if err != nil || len(items) != 1 || items[0].Attempt != 1 {
		t.Fatal(items, err)
	}
}

func TestLostConnectionIsSaidAndMadeAnew(t *testing.T) {
	log := engine(t, time.Now)
	var mu sync.Mutex
	var last net.Conn
	addr := serve(t, log, wire.Options{})
	c := wire.NewClientFunc(func(ctx context.Context) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		mu.Lock()
		defer mu.Unlock()
		last = nc
		return nc, err
	})
	defer c.Close()
	if err := c.Configure(t.Context(), "q", bus.Config{}); err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := c.Lease(t.Context(), "q", bus.Want{Wait: time.Hour})
		waits <- err
	}()
	// The call may not be under way yet: connections are lost until it is.
	for ended := false; !ended; {
		mu.Lock()
		_ = last.Close()
		mu.Unlock()
		select {
		case err := <-waits:
			if ended = true; !errors.Is(err, wire.ErrLost) {
				t.Errorf("a call under way got %v", err)
			}
		case <-time.After(time.Millisecond):
		}
	}
	if _, err := c.Append(t.Context(), "q", []bus.Entry{{}}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestNoWakeUpIsLost lets an item go to and fro between pairs of clients: a
// lost wake-up is a wait of 20 s that brings nothing.
func TestNoWakeUpIsLost(t *testing.T) {
	addr := serve(t, engine(t, time.Now), wire.Options{})
	var all sync.WaitGroup
	for pair := range 4 {
		there, back := fmt.Sprint("there", pair), fmt.Sprint("back", pair)
		setup := client(t, addr)
		for _, q := range []string{there, back} {
			if err := setup.Configure(t.Context(), q, bus.Config{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, way := range [][2]string{{there, back}, {back, there}} {
			c := client(t, addr)
			all.Go(func() { ping(t, c, way[0], way[1], 500) })
		}
		if _, err := setup.Append(t.Context(), there, []bus.Entry{{}}); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}

func ping(t *testing.T, c *wire.Client, from, to string, times int) {
	for i := range times {
		items, err := c.Lease(t.Context(), from, bus.Want{Wait: 20 * time.Second})
		if err != nil || len(items) != 1 {
			t.Errorf("%s, round %d: %d items, %v", from, i, len(items), err)
			return
		}
		v := bus.Verdict{Number: items[0].Number, Token: items[0].Token, Act: bus.Done, Emit: []bus.Emit{{Queue: to}}}
		if errs, err := c.Settle(t.Context(), from, []bus.Verdict{v}); err != nil || errs[0] != nil {
			t.Errorf("%s, round %d: %v %v", from, i, errs, err)
			return
		}
	}
}
