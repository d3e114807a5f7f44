package doctor

import (
	"net/netip"

	"nagi.dev/engine/config"
)

// For is what to check for the server that c asks for.
func For(c config.Config) Options {
	return Options{Dirs: c.Dirs, Ports: portsOf(c), CgroupRoot: c.CgroupRoot, ControlOnly: c.ControlOnly}
}

// portsOf lists what the processes of a server bind. What pods publish is not
// among it: that is known only later.
func portsOf(c config.Config) []Port {
	var all []Port
	for _, a := range c.APIAddresses() {
		all = append(all, Port{Addr: netip.AddrPortFrom(a, uint16(c.APIPort)), Use: "the Kubernetes API", Flag: "--api-port"})
	}
	if c.ControlOnly {
		return all
	}
	at := netip.AddrPortFrom
	return append(all,
		Port{Addr: at(c.NodeIP(), 10250), Use: "the kubelet"},
		Port{Addr: at(config.Loopback, 10248), Use: "the kubelet's health"},
		Port{Addr: at(config.Loopback, 10249), Use: "kube-proxy's metrics"},
		Port{Addr: at(config.Loopback, 10256), Use: "kube-proxy's health"},
		Port{Addr: c.Door(), Use: "the platform, for planes and the API"},
		Port{Addr: at(config.BridgeIP, 53), Use: "the names of the cluster"},
		Port{Addr: at(config.BridgeIP, 53), Proto: "udp", Use: "the names of the cluster"},
	)
}
