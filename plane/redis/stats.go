package redis

import (
	"nagi.dev/plane/meter"
)

// stats are the figures of a service; the pool's shards have their own.
type stats struct {
	requests [classes]uint64
	failed   [classes]uint64 // answered with an error of the proxy
	latency  [classes]meter.Histogram
	slow     uint64 // clients closed because they did not read
	received uint64 // bytes from clients
}

// Collect adds the figures of this listener.
func (s *Service) Collect(g *meter.Gather) {
	for c := range classes {
		labels := []string{"listener", s.listener, "class", classNames[c]}
		g.Counter("nagi_redis_requests_total", "Requests, by class of command.", float64(s.stats.requests[c]), labels...)
		g.Counter("nagi_redis_errors_total", "Requests that the proxy answered with an error of its own.", float64(s.stats.failed[c]), labels...)
		g.Histogram("nagi_redis_latency_seconds", "From a request read to its reply read.", &s.stats.latency[c], labels...)
	}
	g.Counter("nagi_redis_slow_clients_total", "Clients closed because they did not read.", float64(s.stats.slow), "listener", s.listener)
	g.Counter("nagi_redis_received_bytes_total", "Bytes of requests.", float64(s.stats.received), "listener", s.listener)
	if s.pool != nil {
		s.pool.collect(g)
	}
}

func (p *pool) collect(g *meter.Gather) {
	for _, sh := range p.shards {
		l := []string{"listener", p.s.listener, "pool", p.name, "shard", sh.name, "address", sh.address}
		g.Counter("nagi_redis_shard_requests_total", "Requests sent to a shard.", float64(sh.requests), l...)
		g.Counter("nagi_redis_shard_failures_total", "Connections that failed or timed out.", float64(sh.failed), l...)
		g.Counter("nagi_redis_shard_timeouts_total", "Replies that did not come in time.", float64(sh.timeouts), l...)
		g.Counter("nagi_redis_shard_ejections_total", "Times a shard was taken out.", float64(sh.ejections), l...)
		g.Gauge("nagi_redis_shard_up", "1: it serves; 0: it is away.", float64(map[bool]int{true: 0, false: 1}[sh.down]), l...)
		g.Gauge("nagi_redis_shard_in_flight", "Requests without a reply yet.", float64(sh.inFlight()), l...)
		g.Gauge("nagi_redis_shard_connections", "Connections to a shard.", float64(sh.conns), l...)
	}
}
