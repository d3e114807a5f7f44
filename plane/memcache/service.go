package memcache

import (
	"fmt"
	"log/slog"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/meter"
	"nagi.dev/plane/shards"
)

const (
	defaultIdle = time.Hour
	defaultSize = 64 << 20 // bytes of a value, or of a reply
	sweepEvery  = 5 * time.Second
)

// A Service shards what the clients of one listener ask. All of it runs on the loop.
type Service struct {
	loop     *loop.Loop
	log      *slog.Logger
	listener string
	pool     *shards.Pool
	limit    int
	idle     time.Duration
	closed   bool
	clients  shards.Clients
	sweeper  *loop.Timer
	scratch  []byte
	words    [][]byte
	parts    []portion

	requests, failed [classes]uint64
	latency          [classes]meter.Histogram
	binary           uint64 // clients of the binary protocol, turned away
}

// A class is what figures are kept by.
type class uint8

const (
	gets class = iota
	sets
	changes
	other
	classes
)

var classNames = [classes]string{"get", "set", "change", "other"}

// New makes the Service of a listener.
func New(l *loop.Loop, log *slog.Logger, listener string) *Service {
	s := &Service{loop: l, log: log, listener: listener}
	s.sweeper = l.After(sweepEvery, s.sweep)
	return s
}

// Prepare checks a listener and its pool and builds what they ask for.
func (s *Service) Prepare(l *config.Listener, pools map[string]*config.Pool) (commit func(), err error) {
	if err := shards.Offered(l); err != nil {
		return nil, err
	}
	r := &l.Routes[0]
	c := pools[r.Arms[0].Pool]
	limit := int(r.MaxBodySize)
	if limit == 0 {
		limit = defaultSize
	}
	env := shards.Env{Loop: s.loop, Log: s.log, Listener: s.listener, Language: text{}, Size: limit}
	next, err := shards.New(env, c, r.Timeout)
	if err == nil && (c.Username != "" || c.Password != "" || c.PasswordFile != "" || c.Database != 0) {
		err = fmt.Errorf("username, password, database: memcache has none")
	}
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", r.Arms[0].Pool, err)
	}
	return func() {
		old := s.pool
		s.limit, s.idle, s.pool = limit, l.IdleTimeout.Or(defaultIdle), next
		next.Start(old)
	}, nil
}

// Accept makes the handler of a client.
func (s *Service) Accept(*loop.Conn) loop.Handler { return &client{s: s} }

// Refusal is what a client above MaxConnections reads.
func (*Service) Refusal() string { return "SERVER_ERROR nagi: too many connections\r\n" }

// Collect adds the figures of this listener.
func (s *Service) Collect(g *meter.Gather) {
	for c := range classes {
		labels := []string{"listener", s.listener, "class", classNames[c]}
		g.Counter("nagi_memcache_requests_total", "Requests, by class of command.", float64(s.requests[c]), labels...)
		g.Counter("nagi_memcache_errors_total", "Requests that the proxy answered with an error of its own.", float64(s.failed[c]), labels...)
		g.Histogram("nagi_memcache_latency_seconds", "From a request read to its reply read.", &s.latency[c], labels...)
	}
	g.Counter("nagi_memcache_binary_clients_total", "Clients turned away because they speak the binary protocol.", float64(s.binary), "listener", s.listener)
	if s.pool != nil {
		s.pool.Collect(g, "nagi_memcache")
	}
}

// Close says that no further client comes. The pool ends with the last one.
func (s *Service) Close() {
	s.closed = true
	s.endIfLast()
}

func (s *Service) endIfLast() {
	if s.closed && s.clients.Empty() {
		s.sweeper.Stop()
		if s.pool != nil {
			s.pool.Stop()
		}
	}
}

func (s *Service) sweep() {
	s.sweeper.Reset(sweepEvery)
	s.clients.Sweep(s.loop.Now(), s.idle)
}
