package wire_test

import (
	"testing"

	"nagi.dev/bus"
	"nagi.dev/bus/pebble"
	"nagi.dev/bus/wire"
)

// BenchmarkOne is one durable put after the other, by layers: what the
// network costs on top of the disk.
func BenchmarkOne(b *testing.B) {
	entry := []bus.Entry{{Body: make([]byte, 256)}}
	l, err := pebble.Open(pebble.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c := wire.NewClient(serve(b, l, wire.Options{}))
	defer c.Close()
	for _, layer := range []struct {
		name string
		log  bus.Log
	}{{"engine", l}, {"wire", c}} {
		b.Run(layer.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := layer.log.Append(b.Context(), "q", entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
