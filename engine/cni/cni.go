// Package cni is the network of pods on this machine: each has a cable of its
// own to the machine, which routes between them, so that the kernel's rules see
// every packet whatever modules it has. The bridge holds the address of the
// node and of the API server for pods. The package makes the bridge and the
// settings of the CNI plugins; the plugins do the rest. Start with Up.
package cni

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nagi.dev/engine/config"
)

// Table is the nftables table, of family ip, that Up makes.
const Table = "nagi"

// Up makes the bridge with its address and lets the kernel forward. It is
// there before any pod, because the API server listens on it.
func Up() error {
	link, err := bridge()
	if err != nil {
		return err
	}
	ip := &net.IPNet{IP: config.BridgeIP.AsSlice(), Mask: net.CIDRMask(config.NodePodNet.Bits(), 32)}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ip}); err != nil {
		return fmt.Errorf("give bridge %s its address: %w", config.Bridge, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set bridge %s up: %w", config.Bridge, err)
	}
	// With proxy_arp, pods that an older server joined to the bridge itself
	// find those of today.
	for _, key := range []string{"ip_forward", "conf/" + config.Bridge + "/forwarding", "conf/" + config.Bridge + "/proxy_arp"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+key, []byte("1"), 0); err != nil {
			return fmt.Errorf("let the kernel forward: %w", err)
		}
	}
	if err := routeServices(link); err != nil {
		return err
	}
	return masquerade()
}

// routeServices leads the machine's own programs to Services: a machine
// without a way to the world has no route for their addresses, and without one
// kube-proxy's rules are never asked.
func routeServices(link netlink.Link) error {
	r := &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Scope:     netlink.SCOPE_LINK,
		Src:       config.BridgeIP.AsSlice(),
		Dst:       &net.IPNet{IP: config.ServiceNet.Addr().AsSlice(), Mask: net.CIDRMask(config.ServiceNet.Bits(), 32)},
	}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("route services: %w", err)
	}
	return nil
}

// masquerade gives what pods send beyond the cluster the machine's address.
// One rule for all pods: the bridge plugin would run nft for each of them.
func masquerade() error {
	rules := fmt.Sprintf(`table ip %[1]s
delete table ip %[1]s
table ip %[1]s {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		ip saddr %[2]s ip daddr != %[2]s ip daddr != 224.0.0.0/4 masquerade
	}
}
`, Table, config.PodNet)
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	if out, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("masquerade pods: nft: %w: %s", err, out)
	}
	return nil
}

func bridge() (netlink.Link, error) {
	link, err := netlink.LinkByName(config.Bridge)
	if err == nil {
		return link, nil
	}
	if !errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, fmt.Errorf("look for bridge %s: %w", config.Bridge, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = config.Bridge
	// A fixed MAC keeps a bridge from taking, and changing, that of its ports.
	attrs.HardwareAddr = net.HardwareAddr{0x0a, 0x6e, 0x61, 0x67, 0x69, 0x00}
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("make bridge %s: %w", config.Bridge, err)
	}
	return netlink.LinkByName(config.Bridge)
}

// Down takes the bridge away.
func Down() error {
	link, err := netlink.LinkByName(config.Bridge)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for bridge %s: %w", config.Bridge, err)
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove bridge %s: %w", config.Bridge, err)
	}
	return nil
}

// WriteConfig tells the plugins about the network. state is where they keep
// which pod has which address; walls is the socket that nagi-wall asks.
func WriteConfig(dir, state, walls string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of network settings: %w", err)
	}
	text := fmt.Sprintf(`{
  "cniVersion": "1.0.0", "name": "nagi", "plugins": [
    {"type": "ptp",
     "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": %q}},
    {"type": "nagi-wall", "socket": %q},
    {"type": "portmap", "capabilities": {"portMappings": true}, "backend": "nftables"}
  ]
}
`, config.NodePodNet, state, walls)
	if err := os.WriteFile(filepath.Join(dir, "10-nagi.conflist"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write network settings: %w", err)
	}
	return nil
}
