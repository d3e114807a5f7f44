package proxyheader

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, pair := range [][2]string{{"1.2.3.4:5", "6.7.8.9:10"}, {"[::1]:5", "[2001:db8::2]:65535"}} {
		for version := 1; version <= 2; version++ {
			source, destination := netip.MustParseAddrPort(pair[0]), netip.MustParseAddrPort(pair[1])
			p := append(Append(nil, version, source, destination), "rest"...)
			for i := range len(p) - 4 {
				if _, _, err := Read(p[:i]); !errors.Is(err, ErrIncomplete) {
					t.Fatalf("version %d, the first %d bytes: %v", version, i, err)
				}
			}
			got, n, err := Read(p)
			if err != nil || got != source || string(p[n:]) != "rest" {
				t.Errorf("version %d: got %s %d %v", version, got, n, err)
			}
		}
	}
}

func TestWhoIsNotKnownIsNotNamed(t *testing.T) {
	for version := 1; version <= 2; version++ {
		p := Append(nil, version, netip.AddrPort{}, netip.MustParseAddrPort("1.2.3.4:5"))
		if got, n, err := Read(p); err != nil || got.IsValid() || n != len(p) {
			t.Errorf("version %d: got %s %d %v", version, got, n, err)
		}
	}
}

func TestMalformedHeadersAreRefused(t *testing.T) {
	for _, p := range []string{
		"GET / HTTP/1.1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 ::1 ::1 1 1\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "PROXY UDP 1.2.3.4 1.2.3.4 1 1\r\n",
		magic + "\x31\x11\x00\x00", magic + "\x21\x11\x00\x01x", magic + "\x21\x11\xff\xff",
		"PROXY TCP4 " + string(bytes.Repeat([]byte{'1'}, 200)),
	} {
		if _, _, err := Read([]byte(p)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("PROXY TCP4 1.2.3.4 6.7.8.9 1 2\r\n"))
	f.Add(Append(nil, 2, netip.MustParseAddrPort("[::1]:5"), netip.MustParseAddrPort("[::2]:5")))
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, n, err := Read(p); err == nil && (n <= 0 || n > len(p)) {
			t.Fatalf("size %d of %d", n, len(p))
		}
	})
}
