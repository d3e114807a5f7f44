package doctor

import (
	"net/netip"

	"nagi.dev/internal/layout"
)

// A Finding is one thing that stands between this machine and a server.
type Finding struct {
	Name    string // what was looked at: "disk"
	Problem string
	Remedy  string
	Fatal   bool // a server would not run
}

// Options say what the server would be.
type Options struct {
	Dirs        layout.Dirs
	Ports       []Port // that it would bind
	CgroupRoot  string // "/nagi"; its parent must offer the controllers
	ControlOnly bool   // no node: only what an API server needs
}

// A Port is one that the server binds. An Addr that is not on the machine yet,
// such as that of a bridge still to be made, is right too.
type Port struct {
	Addr  netip.AddrPort
	Proto string // "tcp" or "udp"; "": tcp
	Use   string // "the Kubernetes API"
	Flag  string // that would move it: "--api-port"; "": none does
}

// Check looks at this machine and returns what it lacks; nothing lacks when it
// returns none.
func Check(o Options) []Finding { return Decide(o, observe(o)) }
