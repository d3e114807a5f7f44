package proxyproto

import (
	"net/netip"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, tt := range []struct{ from, to string }{
		{"10.0.0.1:1234", "10.0.0.2:80"},
		{"[fd00::1]:1234", "[fd00::2]:80"},
	} {
		for version := 1; version <= 2; version++ {
			from := netip.MustParseAddrPort(tt.from)
			b := Append(nil, version, from, netip.MustParseAddrPort(tt.to))
			for cut := range b {
				if _, n, err := Parse(b[:cut]); n != 0 || err != nil {
					t.Fatalf("version %d, %d bytes of %q: %d, %v", version, cut, b, n, err)
				}
			}
			peer, n, err := Parse(append(b, "GET /"...))
			if peer != from || n != len(b) || err != nil {
				t.Errorf("version %d: %q reads as %s, %d bytes, %v", version, b, peer, n, err)
			}
		}
	}
}

func TestHeadersWithoutAnAddress(t *testing.T) {
	for _, s := range []string{
		"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ff ff 1 2\r\n", string(Append(nil, 1, netip.AddrPort{}, netip.AddrPort{})),
		signature2 + "\x20\x00\x00\x00", signature2 + "\x21\x31\x00\x02ab", string(Append(nil, 2, netip.AddrPort{}, netip.AddrPort{})),
	} {
		if peer, n, err := Parse([]byte(s)); peer.IsValid() || n != len(s) || err != nil {
			t.Errorf("%q reads as %s, %d, %v", s, peer, n, err)
		}
	}
}

func TestWhatIsNoHeaderIsRefused(t *testing.T) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 70000 2\r\n", "PROXY \r\n",
		signature2 + "\x31\x11\x00\x0c", signature2 + "\x21\x11\x00\x02ab",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2                                                                                             ",
	} {
		if _, n, err := Parse([]byte(s)); n != 0 || err == nil {
			t.Errorf("%q reads as %d bytes", s, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"))
	f.Add([]byte(signature2 + "\x21\x11\x00\x0cabcdefghijkl"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, n, err := Parse(p); n > len(p) || n < 0 || n > 0 && err != nil {
			t.Errorf("%d of %d bytes, %v", n, len(p), err)
		}
	})
}
