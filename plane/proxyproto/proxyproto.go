package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const (
	longest1   = 107 // bytes of a version 1 header, with its line end
	longest2   = 4 << 10
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// ErrHeader is returned for bytes that begin no PROXY header.
var ErrHeader = errors.New("read PROXY header: it is none")

// Parse reads a header at the start of p. n is its length, 0 while more bytes
// are needed. peer is the zero AddrPort when the proxy speaks for itself or for
// something without an address.
func Parse(p []byte) (peer netip.AddrPort, n int, err error) {
	switch {
	case has(p, signature2):
		return parse2(p)
	case has(p, "PROXY "):
		return parse1(p)
	}
	return peer, 0, ErrHeader
}

// has says whether p begins with prefix, as far as it goes.
func has(p []byte, prefix string) bool {
	k := min(len(p), len(prefix))
	return string(p[:k]) == prefix[:k]
}

func parse1(p []byte) (peer netip.AddrPort, n int, err error) {
	end := bytes.Index(p[:min(len(p), longest1)], []byte("\r\n"))
	if end < 0 {
		if len(p) >= longest1 {
			err = fmt.Errorf("read PROXY header: no line end in %d bytes", longest1)
		}
		return peer, 0, err
	}
	f := strings.Split(string(p[:end]), " ")
	if len(f) >= 2 && f[1] == "UNKNOWN" {
		return peer, end + 2, nil
	}
	if len(f) != 6 || f[1] != "TCP4" && f[1] != "TCP6" {
		return peer, 0, fmt.Errorf("read PROXY header: %q is not PROXY TCP4|TCP6 FROM TO PORT PORT", p[:end])
	}
	ip, err := netip.ParseAddr(f[2])
	if err != nil || ip.Is4() != (f[1] == "TCP4") {
		return peer, 0, fmt.Errorf("read PROXY header: %q is no address of %s", f[2], f[1])
	}
	port, err := strconv.ParseUint(f[4], 10, 16)
	if err != nil {
		return peer, 0, fmt.Errorf("read PROXY header: %q is no port", f[4])
	}
	return netip.AddrPortFrom(ip, uint16(port)), end + 2, nil
}

func parse2(p []byte) (peer netip.AddrPort, n int, err error) {
	if len(p) < 16 {
		return peer, 0, nil
	}
	size := int(binary.BigEndian.Uint16(p[14:]))
	if p[12]>>4 != 2 || p[12]&15 > 1 || size > longest2 {
		return peer, 0, fmt.Errorf("read PROXY header: version and command %#x, %d bytes", p[12], size)
	}
	if len(p) < 16+size {
		return peer, 0, nil
	}
	n = 16 + size
	body := p[16:n]
	if p[12]&15 == 0 { // LOCAL: the proxy's own check
		return peer, n, nil
	}
	switch {
	case p[13] == 0x11 && size >= 12:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:])), n, nil
	case p[13] == 0x21 && size >= 36:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)), binary.BigEndian.Uint16(body[32:])), n, nil
	case p[13] == 0x11, p[13] == 0x21:
		return peer, 0, fmt.Errorf("read PROXY header: %d bytes are too few for an address", size)
	}
	return peer, n, nil
}

// Append writes a header of the version that says: from speaks to to. Without
// both addresses, or with two families, it says that they are unknown.
func Append(b []byte, version int, from, to netip.AddrPort) []byte {
	known := from.IsValid() && to.IsValid() && from.Addr().Is4() == to.Addr().Is4()
	if version == 1 {
		if !known {
			return append(b, "PROXY UNKNOWN\r\n"...)
		}
		family := map[bool]string{true: "TCP4", false: "TCP6"}[from.Addr().Is4()]
		return fmt.Appendf(b, "PROXY %s %s %s %d %d\r\n", family, from.Addr(), to.Addr(), from.Port(), to.Port())
	}
	b = append(b, signature2...)
	switch {
	case !known:
		return append(b, 0x20, 0, 0, 0)
	case from.Addr().Is4():
		b = append(b, 0x21, 0x11, 0, 12)
	default:
		b = append(b, 0x21, 0x21, 0, 36)
	}
	b = append(b, from.Addr().AsSlice()...)
	b = append(b, to.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, from.Port())
	return binary.BigEndian.AppendUint16(b, to.Port())
}
