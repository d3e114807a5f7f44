package http1

import (
	"strings"
	"testing"
)

// through feeds in to c in pieces of size bytes.
func through(c *Chunks, in string, size int) (payload string, rest string, fault *Fault) {
	var b strings.Builder
	for len(in) > 0 && !c.Done() {
		p := []byte(in[:min(size, len(in))])
		n, data, fault := c.Next(p)
		if fault != nil {
			return b.String(), in, fault
		}
		b.Write(data)
		in = in[n:]
	}
	return b.String(), in, nil
}

func TestChunks(t *testing.T) {
	for _, tt := range []struct {
		name, in, payload, rest string
		fault                   *Fault
	}{
		{"one chunk", "3\r\nabc\r\n0\r\n\r\nnext", "abc", "next", nil},
		{"none", "0\r\n\r\n", "", "", nil},
		{"sizes in hex of any case", "A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789", "", nil},
		{"extensions are passed over", "1;a=\"b;c\"\r\nx\r\n0;z\r\n\r\n", "x", "", nil},
		{"trailers", "0\r\nX-Sum: 1\r\nY: 2\r\n\r\nz", "", "z", nil},
		{"a bare LF after the size", "1\nx\r\n0\r\n\r\n", "", "", ErrChunk},
		{"a bare CR in an extension", "1;a\rb\r\nx\r\n", "", "", ErrChunk},
		{"a bare LF in an extension", "1;a\nb\r\nx\r\n", "", "", ErrChunk},
		{"no size", "\r\nx", "", "", ErrChunk},
		{"a size that overflows", "10000000000000000\r\n", "", "", ErrChunk},
		{"a signed size", "+1\r\nx\r\n", "", "", ErrChunk},
		{"a size with 0x", "0x1\r\nx\r\n", "", "", ErrChunk},
		{"a space after the size", "1 \r\nx\r\n", "", "", ErrChunk},
		{"data longer than its size", "1\r\nxy\r\n", "x", "", ErrChunk},
		{"a length in the trailers", "0\r\nContent-Length: 3\r\n\r\n", "", "", ErrTrailer},
		{"a folded trailer", "0\r\nA: 1\r\n 2\r\n\r\n", "", "", ErrTrailer},
		{"a trailer with a bare LF", "0\r\nA: 1\n\r\n", "", "", ErrTrailer},
		{"too long an extension", "1;" + strings.Repeat("a", MaxHead), "", "", ErrChunk},
		{"too many trailers", "0\r\n" + strings.Repeat("A: 1\r\n", MaxHead), "", "", ErrHeadSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 1 << 20} {
				payload, rest, fault := through(new(Chunks), tt.in, size)
				if fault != tt.fault {
					t.Fatalf("in pieces of %d: got %v, want %v", size, fault, tt.fault)
				}
				if fault == nil && (payload != tt.payload || rest != tt.rest) {
					t.Errorf("in pieces of %d: got %q and %q", size, payload, rest)
				}
			}
		})
	}
}
