package cli

import (
	"net/netip"
	"time"

	"github.com/spf13/pflag"
)

// serverFlags are those that up, server and doctor share.
type serverFlags struct {
	c ServerConfig
}

func (f *serverFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.c.Listen, "listen", nil, "answer on this address beyond the machine too; may be repeated")
	flags.IntVar(&f.c.APIPort, "api-port", 6443, "port of the Kubernetes API; 0 takes any free one")
	flags.BoolVar(&f.c.ControlOnly, "control-only", false, "run the Kubernetes API without a node, as any user")
	flags.BoolVar(&f.c.Bare, "bare", false, "run Kubernetes alone, without the kinds of Nagi and what keeps them")
	flags.StringVar(&f.c.NodeName, "node-name", "", "name of this node (default the host's)")
	flags.StringVar(&f.c.LogLevel, "log-level", "info", "debug, info, warn or error")
	flags.DurationVar(&f.c.CertLifetime, "cert-lifetime", 365*24*time.Hour, "how long certificates last; they are renewed live")
	flags.DurationVar(&f.c.BuildIdle, "build-idle", 5*time.Minute, "how long the builder waits for the next build before it ends")
	flags.BoolVar(&f.c.BuildAsRoot, "build-as-root", false, "let steps of Dockerfiles be root of this machine, where its kernel knows no other way")
}

// config is what the flags ask for; it reports every fault at once as wrong usage.
func (f *serverFlags) config(dataDir string) (ServerConfig, error) {
	c := f.c
	c.DataDir = dataDir
	for _, l := range c.Listen {
		if _, err := netip.ParseAddr(l); err != nil {
			return c, usage(`--listen %q is no IP address; write one such as 192.0.2.10`, l)
		}
	}
	if c.APIPort < 0 || c.APIPort > 65535 {
		return c, usage("--api-port %d is out of range; write 0 to 65535", c.APIPort)
	}
	if c.CertLifetime < time.Minute {
		return c, usage("--cert-lifetime %s is below a minute", c.CertLifetime)
	}
	if c.BuildIdle < time.Second {
		return c, usage("--build-idle %s is below a second", c.BuildIdle)
	}
	return c, oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error")
}
