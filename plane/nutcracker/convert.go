package nutcracker

import (
	"fmt"
	"strings"
	"time"

	"nagi.dev/plane/config"
)

// convert makes a document of pools: a listener and a pool each.
func convert(pools []*pool) (c *config.Config, differs []string) {
	c = &config.Config{Version: "nutcracker.yml"}
	for _, p := range pools {
		c.Listeners = append(c.Listeners, p.listener())
		c.Pools = append(c.Pools, p.pool())
		for _, d := range p.differs() {
			differs = append(differs, p.name+": "+d)
		}
	}
	return c, differs
}

func (p *pool) listener() config.Listener {
	l := config.Listener{
		Name: p.name, Address: p.listen, Protocol: config.Memcache, MaxConnections: p.clients, Password: p.auth,
		IdleTimeout: -1, Routes: []config.Route{{Arms: []config.Arm{{Pool: p.name}}}},
	}
	if p.redis {
		l.Protocol = config.Redis
	}
	if strings.HasPrefix(p.listen, "/") { // and perhaps a mode behind
		path, mode, _ := strings.Cut(p.listen, " ")
		l.Address, l.SocketMode = "unix:"+path, strings.TrimSpace(mode)
	}
	return l
}

func (p *pool) pool() config.Pool {
	c := config.Pool{
		Name:    p.name,
		Balance: config.Balance{Algorithm: p.distribution, Hash: p.hash, HashTag: p.tag, EjectHosts: p.eject, Compatible: true},
		Health:  config.Health{Failures: -1, MaxEjected: 100}, Timeout: -1, Password: p.auth, Database: p.db,
	}
	if p.timeout > 0 {
		c.Timeout = ms(p.timeout)
		c.ConnectTimeout = ms(p.timeout)
	}
	if p.eject {
		c.Health.Failures, c.Health.EjectFor = max(p.failures, 1), ms(max(p.retry, 1))
	}
	for _, s := range p.servers {
		c.Endpoints = append(c.Endpoints, config.Endpoint{Name: s.name, Address: s.address, Weight: s.weight})
	}
	return c
}

func ms(n int) config.Duration { return config.Duration(time.Duration(n) * time.Millisecond) }

// differs says what a person who knows twemproxy should know.
func (p *pool) differs() (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if p.connections > 1 {
		say("server_connections: %d: all clients share one connection to a server, for that is faster", p.connections)
	}
	if p.backlog != 512 {
		say("backlog: %d: it is 1024", p.backlog)
	}
	if p.preconnect {
		say("preconnect: a server is connected to with the first request")
	}
	if p.reuseport {
		say("reuseport: one process listens; it is not set")
	}
	if !p.keepalive {
		say("tcpkeepalive: it is on")
	}
	if p.eject {
		say("auto_eject_hosts: a server comes back after it has answered a PING, not with the requests of clients")
	} else {
		say("a server that refuses connections is tried again after 50ms, up to 2s; until then its requests fail at once")
	}
	if p.timeout <= 0 {
		say("timeout: replies are waited for without end, as with twemproxy; connecting has 1s")
	}
	return all
}
