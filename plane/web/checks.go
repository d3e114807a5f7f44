package web

import (
	"crypto/tls"
	"net"
	"reflect"
	"strings"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/check"
	"nagi.dev/plane/config"
)

// checks keeps the active checks of the pools running.
type checks struct {
	pools   *balance.Pools
	running map[string]*running // by pool
}

type running struct {
	of   *config.Pool
	tls  *tls.Config
	stop func()
}

// follow starts and stops checks so that they are what pools ask for. Those
// whose pool has not changed go on.
func (c *checks) follow(pools map[string]*config.Pool, transports map[string]*transport) {
	for name, r := range c.running {
		p := pools[name]
		if p == nil || !reflect.DeepEqual(p.Health, r.of.Health) || !reflect.DeepEqual(p.Endpoints, r.of.Endpoints) || transports[name].tls != r.tls {
			r.stop()
			delete(c.running, name)
		}
	}
	for name, p := range pools {
		if p.Health.Active != nil && c.running[name] == nil {
			c.running[name] = start(p, transports[name].tls, c.pools.Get(name))
		}
	}
}

func start(p *config.Pool, conf *tls.Config, pool *balance.Pool) *running {
	t := check.Target{Spec: *p.Health.Active}
	for _, e := range p.Endpoints {
		t.Addresses = append(t.Addresses, e.Address)
	}
	if conf != nil {
		t.TLS = func(address string) *tls.Config {
			c := conf.Clone()
			if c.ServerName == "" && !strings.HasPrefix(address, "unix:") {
				c.ServerName, _, _ = net.SplitHostPort(address)
			}
			return c
		}
	}
	return &running{of: p, tls: conf, stop: check.Start(t, pool.Check)}
}
