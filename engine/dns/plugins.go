package dns

import (
	"context"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	cluster "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
)

// directive names CoreDNS's kubernetes plugin in our Corefile. The plugin's
// own name stays unused because its setup takes over the log of klog, and so
// that of the kubelet, which shares this process.
const directive = "cluster"

func init() {
	caddy.Quiet, dnsserver.Quiet = true, true
	dnsserver.Directives = []string{"bind", "errors", "cache", "loadbalance", directive, "forward"}
	plugin.Register(directive, setup)
}

// setup adds the cluster's names to a server under construction.
func setup(c *caddy.Controller) error {
	c.Next()
	k, err := cluster.ParseStanza(c)
	if err != nil {
		return plugin.Error(directive, err)
	}
	start, stop, err := k.InitKubeCache(context.Background())
	if err != nil {
		return plugin.Error(directive, err)
	}
	c.OnStartup(start)
	c.OnShutdown(stop)
	dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler {
		k.Next = next
		return underscores{k, k.Zones[0]}
	})
	return nil
}
