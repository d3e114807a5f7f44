package pebble

import (
	"encoding/binary"
	"fmt"
	"log/slog"
)

// A logger takes what Pebble says. What it calls fatal breaks the log in the
// place of ending the process.
type logger struct {
	l   *Log
	log *slog.Logger
}

func (g *logger) Infof(format string, args ...any) { g.log.Debug(fmt.Sprintf(format, args...)) }

func (g *logger) Errorf(format string, args ...any) { g.log.Error(fmt.Sprintf(format, args...)) }

func (g *logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	g.log.Error("the log cannot write", "error", err)
	g.l.fail(err)
}

// format is the version of the keys and values.
const format = 1

func encodeMeta(mark uint64, nextQueue uint32) []byte {
	b := binary.BigEndian.AppendUint64([]byte{format}, mark)
	return binary.BigEndian.AppendUint32(b, nextQueue)
}

func decodeMeta(b []byte) (mark uint64, nextQueue uint32, err error) {
	if len(b) != 13 || b[0] != format {
		return 0, 0, errRecord
	}
	return binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:]), nil
}

func put32(b []byte, v uint32) { binary.BigEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }
func u64(v uint64) []byte      { return binary.BigEndian.AppendUint64(nil, v) }
func uvarint(v uint64) []byte  { return binary.AppendUvarint(nil, v) }
