package http1

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// isToken holds the characters of field names and methods (RFC 9110, 5.6.2).
var isToken = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

func token(b []byte) bool {
	for _, c := range b {
		if !isToken[c] {
			return false
		}
	}
	return len(b) > 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// cleanValue reports that b holds no control character but tabs. It looks at
// eight bytes at once, and only at suspects one by one.
func cleanValue(b []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ ones*0x7f
		low := (x - ones*0x20) & ^x & highs // a byte below 0x20
		if (low|(del-ones)&^del&highs) != 0 && !cleanBytes(b[:8]) {
			return false
		}
		b = b[8:]
	}
	return cleanBytes(b)
}

func cleanBytes(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// cleanTarget reports that b holds no space, control character or fragment.
func cleanTarget(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return len(b) > 0
}

// validHost accepts the characters of a host, a port and an IP literal, so
// that no reader behind finds user information, a path or a second name there.
func validHost(b []byte) bool {
	for _, c := range b {
		if isToken[c] || c == ':' || c == '[' || c == ']' || c == '(' || c == ')' || c == ';' || c == '=' {
			continue
		}
		return false
	}
	return true
}

// number reads a length: digits, and nothing else.
func number(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// options yields the elements of a comma-separated list.
func options(v []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(v) > 0 {
			var option []byte
			option, v, _ = bytes.Cut(v, []byte{','})
			if option = bytes.Trim(option, " \t"); len(option) > 0 && !yield(option) {
				return
			}
		}
	}
}
