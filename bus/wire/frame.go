package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"nagi.dev/bus"
)

// hello is what a client sends first.
const hello = "NAGIBUS1"

// MaxFrame bounds what one frame may hold.
const MaxFrame = 32 << 20

// A frame is: length of the rest u32, request u32, kind u8, payload.
const headerSize = 9

// The kinds of frames.
const (
	kindOK byte = iota // an answer
	kindError
	kindConfigure
	kindAppend
	kindRead
	kindLease
	kindSettle
	kindCancel
	kindRetry
	kindPeek
	kindResults
	kindCount
	kindTruncate
	kindQueues
	kindForget // a lease that nobody waits for any more
)

// errFrame is a frame that says nothing. It ends the connection.
var errFrame = errors.New("the frame does not decode")

// open begins a frame; shut fills in its length.
func open(b []byte, request uint32, kind byte) (frame []byte, start int) {
	start = len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, request)
	return append(b, kind), start
}

func shut(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// header takes the head of a frame apart; size is that of the payload.
func header(b []byte) (size int, request uint32, kind byte, err error) {
	n := binary.BigEndian.Uint32(b)
	if n < 5 || n > MaxFrame {
		return 0, 0, 0, fmt.Errorf("a frame of %d bytes: %w", n, errFrame)
	}
	return int(n) - 5, binary.BigEndian.Uint32(b[4:]), b[8], nil
}

// codes are the errors that have a meaning at the other end. Their places
// are part of the protocol.
var codes = []error{
	1: bus.ErrNoQueue, 2: bus.ErrInvalid, 3: bus.ErrFull, 4: bus.ErrStale,
	5: bus.ErrDrained, 6: bus.ErrClosed, 7: bus.ErrBroken, 8: bus.ErrDamaged,
}

// A remote error was given by the server.
type remote struct {
	text  string
	cause error // of codes, or nil
}

func (r *remote) Error() string { return r.text }
func (r *remote) Unwrap() error { return r.cause }

// appendError writes code and text; 255 is an error without a code, 0 none.
func appendError(b []byte, err error) []byte {
	if err == nil {
		return append(b, 0)
	}
	code := byte(255)
	for i, c := range codes {
		if c != nil && errors.Is(err, c) {
			code = byte(i)
		}
	}
	return appendText(append(b, code), err.Error())
}

func (r *reader) error() error {
	code := r.byte()
	if code == 0 {
		return nil
	}
	e := &remote{text: r.text()}
	if int(code) < len(codes) {
		e.cause = codes[code]
	}
	return e
}

// A reader takes a payload apart. After the first fault it reads zeroes.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// bytes shares the memory of the frame.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string { return string(r.bytes()) }

// count reads how many things follow, each of at least size bytes: more than
// the frame could hold is a fault, not a reason to reserve memory.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

// done says whether all was read and nothing is left.
func (r *reader) done() error {
	if r.bad || len(r.b) > 0 {
		return errFrame
	}
	return nil
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
