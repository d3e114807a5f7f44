package wire_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"nagi.dev/bus"
	"nagi.dev/bus/conform"
	"nagi.dev/bus/pebble"
	"nagi.dev/bus/wire"
)

func TestConformance(t *testing.T) {
	conform.Run(t, func(t *testing.T, now func() time.Time) bus.Log {
		addr := serve(t, engine(t, now), wire.Options{})
		return client(t, addr)
	})
}

func engine(t *testing.T, now func() time.Time) *pebble.Log {
	t.Helper()
	l, err := pebble.Open(pebble.Options{Dir: "log", FS: vfs.NewMem(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serve returns the address of a server that ends with the test.
func serve(t testing.TB, log bus.Log, o wire.Options) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, ln, log, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func client(t *testing.T, addr string) *wire.Client {
	t.Helper()
	c := wire.NewClient(addr)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
