package web

import (
	"strconv"
	"sync/atomic"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/meter"
)

// A counter only grows. Any goroutine may use it.
type counter struct{ n atomic.Uint64 }

func (c *counter) add()        { c.n.Add(1) }
func (c *counter) get() uint64 { return c.n.Load() }

// routeStats count the requests of one route. They may be read at any time.
type routeStats struct {
	classes [6]counter // by the status' first digit
	retries counter
	hedges  counter
	hits    counter // of the cache
	misses  counter
	latency meter.Histogram // of whole exchanges
}

func (s *routeStats) count(status int, took time.Duration) {
	s.classes[min(status/100, 5)].add()
	if took > 0 {
		s.latency.ObserveAtomic(took)
	}
}

// Collect adds the figures of the listener.
func (s *Service) Collect(g *meter.Gather) {
	g.Counter("nagi_plane_http_unmatched_total", "Requests that no route matches.", float64(s.unmatched), "listener", s.name)
	site := s.site.Load()
	if site == nil {
		return
	}
	if site.limit != nil {
		g.Counter("nagi_plane_http_limited_total", "Requests above a rate limit.", float64(site.limit.Denied()), "listener", s.name)
	}
	for _, r := range site.routes {
		r.collect(g, s.name)
	}
	s.pools.Each(func(p *balance.Pool) { collectPool(g, s.name, p, s.now()) })
}

func (r *route) collect(g *meter.Gather, listener string) {
	labels := []string{"listener", listener, "route", r.name}
	for i := range r.stats.classes {
		if n := r.stats.classes[i].get(); n > 0 {
			g.Counter("nagi_plane_http_requests_total", "Requests that were answered, by the class of their status.", float64(n),
				append(labels[:4:4], "class", strconv.Itoa(i)+"xx")...)
		}
	}
	g.Counter("nagi_plane_http_retries_total", "Requests that were sent again.", float64(r.stats.retries.get()), labels...)
	if r.store != nil {
		bytes, keys := r.store.Size()
		g.Counter("nagi_plane_cache_hits_total", "Requests that the cache answered.", float64(r.stats.hits.get()), labels...)
		g.Counter("nagi_plane_cache_misses_total", "Requests that it did not.", float64(r.stats.misses.get()), labels...)
		g.Gauge("nagi_plane_cache_bytes", "What the cache holds.", float64(bytes), labels...)
		g.Gauge("nagi_plane_cache_keys", "How many targets it knows.", float64(keys), labels...)
	}
	if r.hedge != nil {
		g.Counter("nagi_plane_http_hedges_total", "Second requests because the first was slow.", float64(r.stats.hedges.get()), labels...)
	}
	if r.retry != nil {
		g.Counter("nagi_plane_http_retries_denied_total", "Retries that the budget did not allow.", float64(r.retry.budget.Denied()), labels...)
	}
	if r.limit != nil {
		g.Counter("nagi_plane_http_route_limited_total", "Requests above the route's rate limit.", float64(r.limit.Denied()), labels...)
	}
	g.Histogram("nagi_plane_http_request_seconds", "From a request's head to its answer's end.", &r.stats.latency, labels...)
}

func collectPool(g *meter.Gather, listener string, p *balance.Pool, now time.Time) {
	all, overflow := p.Stats(now)
	g.Counter("nagi_plane_pool_overflow_total", "Requests that the limits of a pool refused.", float64(overflow), "listener", listener, "pool", p.Name())
	for _, e := range all {
		labels := []string{"listener", listener, "pool", p.Name(), "endpoint", e.Name}
		healthy := 0.
		if e.Healthy {
			healthy = 1
		}
		g.Gauge("nagi_plane_endpoint_healthy", "1: it gets requests.", healthy, labels...)
		g.Gauge("nagi_plane_endpoint_active", "Requests in flight.", float64(e.Active), labels...)
		g.Counter("nagi_plane_endpoint_requests_total", "Requests that were sent.", float64(e.Requests), labels...)
		g.Counter("nagi_plane_endpoint_failures_total", "Requests that the endpoint failed.", float64(e.Failures), labels...)
		g.Histogram("nagi_plane_endpoint_seconds", "From a request's start to its answer's end.", e.Latency, labels...)
	}
}
