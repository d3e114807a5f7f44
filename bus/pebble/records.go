package pebble

import (
	"encoding/binary"
	"errors"
	"time"

	"nagi.dev/bus"
)

// errRecord is a value that does not decode, though its checksum was right.
var errRecord = errors.New("a record does not decode")

// A reader takes a value apart. After the first fault it reads zeroes.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) err() error {
	if r.bad {
		return errRecord
	}
	return nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// indexed marks an item that is found by an index entry, never by the cursor.
const indexed = 1

// An item as it is kept: everything of it that never changes.
type item struct {
	indexed  bool
	priority int8
	at       int64 // ms
	id       string
	body     []byte // shares the memory of what was decoded
}

// head encodes all but the body.
func (it item) head(b []byte) []byte {
	var flags byte
	if it.indexed {
		flags = indexed
	}
	b = append(b, flags, byte(int(it.priority)+128))
	b = binary.BigEndian.AppendUint64(b, uint64(it.at))
	return appendText(b, it.id)
}

func decodeItem(b []byte) (it item, err error) {
	r := reader{b: b}
	it.indexed = r.byte()&indexed != 0
	it.priority = int8(int(r.byte()) - 128)
	it.at = int64(r.uint64())
	it.id = r.text()
	it.body = r.b
	return it, r.err()
}

// public is the item for the caller, with a body of its own.
func (it item) public(n uint64) bus.Item {
	return bus.Item{Number: n, ID: it.id, Priority: it.priority, At: time.UnixMilli(it.at).UTC(), Body: append([]byte(nil), it.body...)}
}

// A lease that is out.
type lease struct {
	token    uint64
	attempt  int
	until    int64 // ns
	priority int8
	size     int // of the body
	id       string
	owner    string
}

func (l *lease) encode() []byte {
	b := make([]byte, 0, 48+len(l.id)+len(l.owner))
	b = binary.AppendUvarint(b, l.token)
	b = binary.AppendUvarint(b, uint64(l.attempt))
	b = binary.AppendUvarint(b, uint64(l.until))
	b = append(b, byte(int(l.priority)+128))
	b = binary.AppendUvarint(b, uint64(l.size))
	return appendText(appendText(b, l.id), l.owner)
}

func decodeLease(b []byte) (*lease, error) {
	r := reader{b: b}
	l := &lease{
		token: r.uvarint(), attempt: int(r.uvarint()), until: int64(r.uvarint()),
		priority: int8(int(r.byte()) - 128), size: int(r.uvarint()), id: r.text(), owner: r.text(),
	}
	return l, r.err()
}

// A death says why an item is a dead letter.
type death struct {
	at           int64 // ms
	attempt      int
	reason, tail string
}

func (d death) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(d.at))
	b = binary.AppendUvarint(b, uint64(d.attempt))
	return appendText(appendText(b, d.reason), d.tail)
}

func decodeDeath(b []byte) (death, error) {
	r := reader{b: b}
	d := death{at: int64(r.uvarint()), attempt: int(r.uvarint()), reason: r.text(), tail: r.text()}
	return d, r.err()
}

func encodeResult(r bus.Result) []byte {
	b := make([]byte, 0, 48+len(r.ID)+len(r.Owner)+len(r.Result))
	for _, v := range []uint64{r.Number, r.Token, uint64(r.At.UnixMilli()), uint64(r.Attempt)} {
		b = binary.AppendUvarint(b, v)
	}
	b = appendText(appendText(b, r.ID), r.Owner)
	return append(binary.AppendUvarint(b, uint64(len(r.Result))), r.Result...)
}

func decodeResult(completion uint64, b []byte) (bus.Result, error) {
	r := reader{b: b}
	out := bus.Result{
		Completion: completion, Number: r.uvarint(), Token: r.uvarint(),
		At: time.UnixMilli(int64(r.uvarint())).UTC(), Attempt: int(r.uvarint()), ID: r.text(), Owner: r.text(),
	}
	out.Result = append([]byte(nil), r.bytes(r.uvarint())...)
	return out, r.err()
}
