package servicelb

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/knftables"
)

// A world is a thread in a network namespace of its own, which ends with it.
type world struct {
	t    *testing.T
	ns   netns.NsHandle
	work chan func() error
	done chan error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, work: make(chan func() error), done: make(chan error)}
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		ns, err := netns.New()
		w.ns = ns
		w.done <- err
		for f := range w.work {
			w.done <- f()
		}
		w.done <- ns.Close()
	}()
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(w.work); <-w.done })
	return w
}

// do runs f inside.
func (w *world) do(f func() error) {
	w.t.Helper()
	w.work <- f
	if err := <-w.done; err != nil {
		w.t.Fatal(err)
	}
}

// up gives the interface its addresses and starts it.
func up(name string, addrs ...string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	for _, text := range addrs {
		a, err := netlink.ParseAddr(text)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(l, a); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(l)
}

// cable joins two worlds with a pair of interfaces of the same name.
func cable(a, b *world, name string) {
	a.do(func() error {
		v := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: name, PeerNamespace: netlink.NsFd(b.ns)}
		v.Name = name
		return netlink.LinkAdd(v)
	})
}

// A town is a machine between a client and the pods 10.42.0.5 and 10.42.0.6.
type town struct{ client, machine, pods *world }

func newTown(t *testing.T) town {
	o := town{newWorld(t), newWorld(t), newWorld(t)}
	cable(o.machine, o.client, "lan")
	cable(o.machine, o.pods, "pod")
	o.client.do(func() error { return up("lan", "192.0.2.9/24") })
	o.pods.do(func() error {
		if err := up("pod", "10.42.0.5/24", "10.42.0.6/24"); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(10, 42, 0, 1)})
	})
	o.machine.do(func() error {
		if err := up("lan", "192.0.2.7/24"); err != nil {
			return err
		}
		if err := up("pod", "10.42.0.1/24"); err != nil {
			return err
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
	})
	return o
}

// pod answers datagrams at addr with who asked and its own name.
func (o town) pod(t *testing.T, addr, name string) netip.AddrPort {
	t.Helper()
	at := netip.MustParseAddrPort(addr)
	o.pods.do(func() error {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return err
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			for buf := make([]byte, 100); ; {
				_, from, err := c.ReadFromUDPAddrPort(buf)
				if err != nil {
					return
				}
				_, _ = c.WriteToUDPAddrPort([]byte(name+" saw "+from.Addr().String()), from)
			}
		}()
		return nil
	})
	return at
}

func TestClientFromOutsideKeepsItsAddress(t *testing.T) {
	o := newTown(t)
	a, b := o.pod(t, "10.42.0.5:5353", "a"), o.pod(t, "10.42.0.6:5353", "b")
	at := Door{corev1.ProtocolUDP, netip.MustParseAddrPort("192.0.2.7:53")}
	n := &nat{pods: []netip.Prefix{netip.MustParsePrefix("10.42.0.0/16")}}
	route := func(end netip.AddrPort) {
		t.Helper()
		o.machine.do(func() (err error) {
			if n.nft, err = knftables.New(knftables.IPv4Family, table); err != nil {
				return err
			}
			return n.apply(t.Context(), map[Door]Route{at: {Local: []netip.AddrPort{end}}})
		})
	}
	var c *net.UDPConn
	o.client.do(func() (err error) {
		c, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at.Addr))
		return err
	})
	defer c.Close()
	// One socket throughout: the kernel takes it for the same client.
	for _, step := range []struct {
		end  netip.AddrPort
		want string
	}{{a, "a saw 192.0.2.9"}, {b, "b saw 192.0.2.9"}} {
		route(step.end)
		if got := exchange(c); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}

// exchange sends until somebody answers.
func exchange(c *net.UDPConn) string {
	buf := make([]byte, 100)
	for range 20 {
		_, _ = c.Write([]byte("?"))
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if n, err := c.Read(buf); err == nil {
			return string(buf[:n])
		}
	}
	return "no answer"
}
