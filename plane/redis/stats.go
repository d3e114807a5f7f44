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
		s.pool.Collect(g, "nagi_redis")
	}
}
