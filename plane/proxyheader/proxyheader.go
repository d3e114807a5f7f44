package proxyheader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// The faults of Read. ErrIncomplete asks for more bytes.
var (
	ErrIncomplete = errors.New("the PROXY header is not complete")
	ErrMalformed  = errors.New("the connection does not begin with a PROXY header")
)

const (
	maxLine = 107 // of version 1, with CR LF
	magic   = "\r\n\r\n\x00\r\nQUIT\n"
	fixed   = 16 // of version 2
	maxBody = 4 << 10
)

// Read reads the header at the start of p and returns its size. The source is
// the zero AddrPort when the header names none: a health check of the proxy
// itself, or a Unix socket.
func Read(p []byte) (source netip.AddrPort, n int, err error) {
	if len(p) >= len(magic) && string(p[:len(magic)]) == magic {
		return readBinary(p)
	}
	if short(p, magic) || short(p, "PROXY ") {
		return source, 0, ErrIncomplete
	}
	if !bytes.HasPrefix(p, []byte("PROXY ")) {
		return source, 0, ErrMalformed
	}
	return readLine(p)
}

func short(p []byte, of string) bool { return len(p) < len(of) && of[:len(p)] == string(p) }

func readLine(p []byte) (source netip.AddrPort, n int, err error) {
	end := bytes.Index(p[:min(len(p), maxLine)], []byte("\r\n"))
	if end < 0 {
		if len(p) >= maxLine {
			return source, 0, ErrMalformed
		}
		return source, 0, ErrIncomplete
	}
	words := bytes.Split(p[len("PROXY "):end], []byte{' '})
	if string(words[0]) == "UNKNOWN" {
		return source, end + 2, nil
	}
	if len(words) != 5 || string(words[0]) != "TCP4" && string(words[0]) != "TCP6" {
		return source, 0, ErrMalformed
	}
	source, err = parse(words[1], words[3])
	if err != nil || source.Addr().Is4() != (string(words[0]) == "TCP4") {
		return netip.AddrPort{}, 0, ErrMalformed
	}
	if _, err := parse(words[2], words[4]); err != nil {
		return netip.AddrPort{}, 0, ErrMalformed
	}
	return source, end + 2, nil
}

func parse(host, port []byte) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(string(host))
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(string(port), 10, 16)
	return netip.AddrPortFrom(a, uint16(n)), err
}

func readBinary(p []byte) (source netip.AddrPort, n int, err error) {
	if len(p) < fixed {
		return source, 0, ErrIncomplete
	}
	size := int(binary.BigEndian.Uint16(p[14:]))
	if p[12]>>4 != 2 || p[12]&15 > 1 || size > maxBody {
		return source, 0, ErrMalformed
	}
	if len(p) < fixed+size {
		return source, 0, ErrIncomplete
	}
	body := p[fixed : fixed+size]
	if p[12]&15 == 0 { // LOCAL
		return source, fixed + size, nil
	}
	switch {
	case p[13]>>4 == 1 && size >= 12:
		source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:]))
	case p[13]>>4 == 2 && size >= 36:
		source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)), binary.BigEndian.Uint16(body[32:]))
	case p[13]>>4 == 1 || p[13]>>4 == 2:
		return source, 0, ErrMalformed
	}
	return source, fixed + size, nil
}

// Append appends the header of a version, 1 or 2.
func Append(dst []byte, version int, source, destination netip.AddrPort) []byte {
	s, d := source.Addr().Unmap(), destination.Addr().Unmap()
	known := s.IsValid() && d.IsValid() && s.Is4() == d.Is4()
	if version == 1 {
		if !known {
			return append(dst, "PROXY UNKNOWN\r\n"...)
		}
		family := 6
		if s.Is4() {
			family = 4
		}
		return fmt.Appendf(dst, "PROXY TCP%d %s %s %d %d\r\n", family, s.WithZone(""), d.WithZone(""), source.Port(), destination.Port())
	}
	dst = append(dst, magic...)
	if !known {
		return append(dst, 0x20, 0, 0, 0)
	}
	if s.Is4() {
		dst = append(dst, 0x21, 0x11, 0, 12)
	} else {
		dst = append(dst, 0x21, 0x21, 0, 36)
	}
	dst = append(append(dst, s.AsSlice()...), d.AsSlice()...)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, source.Port()), destination.Port())
}
