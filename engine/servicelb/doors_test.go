package servicelb

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// quick are limits at which a test need not wait.
var quick = limits{conns: 4, sessions: 2, idle: 30 * time.Millisecond, dial: time.Second}

func testDoors(t *testing.T, l limits) *doors {
	t.Helper()
	d := newDoors(slog.New(slog.DiscardHandler), l)
	t.Cleanup(d.close)
	return d
}

// tcpServer answers each connection with what it was sent, once that ended,
// behind its own name.
func tcpServer(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				got, _ := io.ReadAll(c)
				_, _ = c.Write(append([]byte(name+":"), got...))
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// freePort returns a port of 127.0.0.1 that nobody has at this moment.
func freePort(t *testing.T, p corev1.Protocol) Door {
	t.Helper()
	if p == corev1.ProtocolUDP {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return Door{p, netip.AddrPortFrom(loop, c.LocalAddr().(*net.UDPAddr).AddrPort().Port())}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Door{p, netip.AddrPortFrom(loop, l.Addr().(*net.TCPAddr).AddrPort().Port())}
}

// open opens a door to a route, on a port that is free.
func open(t *testing.T, d *doors, p corev1.Protocol, r Route) Door {
	t.Helper()
	for range 10 {
		at := freePort(t, p)
		if len(d.set(map[Door]Route{at: r})) == 0 {
			return at
		}
	}
	t.Fatal("no port is free")
	return Door{}
}

// ask sends text through a door, ends its side and returns the answer.
func ask(t *testing.T, at Door, text string) (string, error) {
	t.Helper()
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(at.Addr))
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	if err := c.CloseWrite(); err != nil {
		return "", err
	}
	got, err := io.ReadAll(c)
	return string(got), err
}

func TestRelayPassesOnTheEndOfOneDirection(t *testing.T) {
	d := testDoors(t, quick)
	at := open(t, d, corev1.ProtocolTCP, Route{Local: []netip.AddrPort{tcpServer(t, "a")}})
	for range 2 * quick.conns { // more than at once
		if got, err := ask(t, at, "hello"); got != "a:hello" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestRelayTakesAnotherEndpointWhenOneRefuses(t *testing.T) {
	d := testDoors(t, quick)
	dead := freePort(t, corev1.ProtocolTCP).Addr
	at := open(t, d, corev1.ProtocolTCP, Route{Local: []netip.AddrPort{dead}, Remote: []netip.AddrPort{tcpServer(t, "far")}})
	if got, err := ask(t, at, "x"); got != "far:x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRelayResetsWhenNobodyAnswersOrMay(t *testing.T) {
	d := testDoors(t, quick)
	at := open(t, d, corev1.ProtocolTCP, Route{})
	if got, err := ask(t, at, "x"); got != "" || err == nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestClientsOutsideTheRangesAreTurnedAway(t *testing.T) {
	tg := &target{}
	end := netip.MustParseAddrPort("10.42.0.5:80")
	tg.route.Store(&Route{Local: []netip.AddrPort{end}, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	for client, want := range map[string]int{"192.0.2.9": 1, "::ffff:192.0.2.9": 1, "198.51.100.1": 0, "127.0.0.1": 1} {
		if got := len(tg.order(netip.MustParseAddr(client))); got != want {
			t.Errorf("%s: %d endpoints, want %d", client, got, want)
		}
	}
}

func TestEndpointsTakeTurnsButAStickyClientKeepsIts(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.42.0.5:80"), netip.MustParseAddrPort("10.42.0.6:80")
	for _, sticky := range []bool{false, true} {
		tg := &target{}
		tg.route.Store(&Route{Local: []netip.AddrPort{a, b}, Sticky: sticky})
		seen := map[netip.AddrPort]bool{}
		for range 4 {
			seen[tg.order(lan)[0]] = true
		}
		if len(seen) == 2 == sticky {
			t.Errorf("sticky = %v: saw %v", sticky, seen)
		}
	}
}

func TestDoorIsHeldFreedAndSeenAsTaken(t *testing.T) {
	d, other := testDoors(t, quick), testDoors(t, quick)
	at := open(t, d, corev1.ProtocolTCP, Route{})
	want := map[Door]Route{at: {}}
	if taken := other.set(want); !errors.Is(taken[at], syscall.EADDRINUSE) {
		t.Errorf("taken = %v", taken)
	}
	d.set(nil)
	if taken := other.set(want); len(taken) != 0 {
		t.Errorf("taken = %v", taken)
	}
}

func TestRouteChangesWhileTheDoorIsOpen(t *testing.T) {
	d := testDoors(t, quick)
	at := open(t, d, corev1.ProtocolTCP, Route{Local: []netip.AddrPort{tcpServer(t, "a")}})
	d.set(map[Door]Route{at: {Local: []netip.AddrPort{tcpServer(t, "b")}}})
	if got, err := ask(t, at, "x"); got != "b:x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	d := newDoors(slog.New(slog.DiscardHandler), quick)
	at := open(t, d, corev1.ProtocolTCP, Route{Local: []netip.AddrPort{tcpServer(t, "a")}})
	c, err := net.Dial("tcp", at.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d.close()
	if _, err := io.ReadAll(c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
}

// udpServer answers each datagram behind its own name.
func udpServer(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, largestDatagram)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(append([]byte(name+":"), buf[:n]...), from)
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// client returns a socket towards a door, and a way to ask through it.
func client(t *testing.T, at Door) func(text string) string {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at.Addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return func(text string) string {
		buf := make([]byte, 100)
		for range 50 { // datagrams may get lost
			_, _ = c.Write([]byte(text))
			_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, err := c.Read(buf); err == nil {
				return string(buf[:n])
			}
		}
		return "no answer"
	}
}

func TestDatagramsFindTheirWayBack(t *testing.T) {
	d := testDoors(t, quick)
	at := open(t, d, corev1.ProtocolUDP, Route{Local: []netip.AddrPort{udpServer(t, "a")}})
	one, two := client(t, at), client(t, at)
	if got := []string{one("1"), two("2")}; got[0] != "a:1" || got[1] != "a:2" {
		t.Errorf("got %q", got)
	}
	if third := client(t, at); third("3") != "a:3" { // once an idle client made room
		t.Error("the room of an idle client was not freed")
	}
}

func TestDatagramsLeaveAnEndpointThatIsGone(t *testing.T) {
	d := testDoors(t, usual)
	at := open(t, d, corev1.ProtocolUDP, Route{Local: []netip.AddrPort{udpServer(t, "a")}})
	c := client(t, at)
	if got := c("1"); got != "a:1" {
		t.Fatalf("got %q", got)
	}
	d.set(map[Door]Route{at: {Local: []netip.AddrPort{udpServer(t, "b")}}})
	if got := c("2"); got != "b:2" {
		t.Errorf("got %q", got)
	}
}
