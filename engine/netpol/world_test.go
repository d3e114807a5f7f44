package netpol

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"sigs.k8s.io/knftables"
)

// A room is a thread in a network namespace of its own, which ends with it.
type room struct {
	t    *testing.T
	ns   netns.NsHandle
	work chan func() error
	done chan error
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{t: t, work: make(chan func() error), done: make(chan error)}
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		ns, err := netns.New()
		r.ns = ns
		r.done <- err
		for f := range r.work {
			r.done <- f()
		}
		r.done <- ns.Close()
	}()
	if err := <-r.done; err != nil {
		t.Fatalf("make a network namespace (as root): %v", err)
	}
	t.Cleanup(func() { close(r.work); <-r.done })
	return r
}

// do runs f inside.
func (r *room) do(f func() error) {
	r.t.Helper()
	r.work <- f
	if err := <-r.done; err != nil {
		r.t.Fatal(err)
	}
}

// up gives an interface its address and starts it.
func up(name, addr string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(addr)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(l, a); err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

// A machine routes between pods as a node does: each has a cable of its own.
type machine struct {
	*room
	table *table
}

func newMachine(t *testing.T) machine {
	m := machine{room: newRoom(t)}
	m.do(func() error {
		nft, err := knftables.New(knftables.IPv4Family, Table)
		if err != nil {
			return err
		}
		m.table = &table{
			nft: nft, pods: netip.MustParsePrefix("10.42.0.0/16"),
			open: []Door{{"udp", netip.MustParseAddrPort("10.42.0.1:53")}, {"tcp", netip.MustParseAddrPort("10.42.0.1:6443")}},
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
	})
	return m
}

// pod makes one with the address.
func (m machine) pod(addr string) *room {
	p := newRoom(m.t)
	host := "v" + addr[len("10.42.0."):]
	m.do(func() error {
		v := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "eth0", PeerNamespace: netlink.NsFd(p.ns)}
		v.Name = host
		if err := netlink.LinkAdd(v); err != nil {
			return err
		}
		return up(host, "10.42.0.1/32")
	})
	p.do(func() error {
		if err := up("eth0", addr+"/32"); err != nil {
			return err
		}
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		gateway := net.IPv4(10, 42, 0, 1)
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: netlink.NewIPNet(gateway)}); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Gw: gateway})
	})
	m.do(func() error {
		l, err := netlink.LinkByName(host)
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: netlink.NewIPNet(net.ParseIP(addr))})
	})
	return p
}

// apply makes the walls stand.
func (m machine) apply(w Walls) {
	m.t.Helper()
	m.do(func() error { return m.table.apply(m.t.Context(), w) })
}

// nft runs the command on the machine.
func (m machine) nft(args ...string) (out string) {
	m.t.Helper()
	m.do(func() error {
		b, err := exec.Command("nft", args...).CombinedOutput()
		if out = string(b); err != nil {
			return fmt.Errorf("nft: %w: %s", err, b)
		}
		return nil
	})
	return out
}

// echo answers what it is sent, on TCP ports.
func (r *room) echo(addrs ...string) {
	for _, a := range addrs {
		r.do(func() error {
			l, err := net.Listen("tcp", a)
			if err != nil {
				return err
			}
			r.t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer c.Close()
						for buf := make([]byte, 100); ; {
							n, err := c.Read(buf)
							if err != nil {
								return
							}
							_, _ = c.Write(buf[:n])
						}
					}()
				}
			}()
			return nil
		})
	}
}

// dial connects from inside; nil when that is refused.
func (r *room) dial(addr string) (c net.Conn) {
	r.do(func() error {
		c, _ = net.DialTimeout("tcp", addr, 2*time.Second)
		return nil
	})
	return c
}

func (r *room) reaches(addr string) bool {
	c := r.dial(addr)
	if c == nil {
		return false
	}
	defer c.Close()
	return answers(c)
}

// answers tells whether what goes out comes back.
func answers(c net.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("?")); err != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	return err == nil
}
