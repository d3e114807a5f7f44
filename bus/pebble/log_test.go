package pebble_test

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"nagi.dev/bus"
	"nagi.dev/bus/conform"
	"nagi.dev/bus/pebble"
)

func TestConformance(t *testing.T) {
	conform.Run(t, func(t *testing.T, now func() time.Time) bus.Log {
		return open(t, pebble.Options{Dir: "log", FS: vfs.NewMem(), Now: now})
	})
}

// open opens a log that the test closes.
func open(t testing.TB, o pebble.Options) *pebble.Log {
	t.Helper()
	l, err := pebble.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
