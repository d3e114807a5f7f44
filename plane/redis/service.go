package redis

import (
	"fmt"
	"log/slog"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/shards"
)

const (
	defaultIdle = time.Hour
	defaultSize = 64 << 20 // bytes of a request or a reply
	sweepEvery  = 5 * time.Second
)

// A Service shards what the clients of one listener ask. All of it runs on the loop.
type Service struct {
	loop     *loop.Loop
	log      *slog.Logger
	listener string
	pool     *shards.Pool
	limit    int // bytes of a request or a reply
	idle     time.Duration
	password string // that clients must give; none: they need not
	closed   bool

	clients shards.Clients
	ids     int64
	sweeper *loop.Timer
	req     request   // of the client that is being read
	places  []uint16  // scratch of a split: the shard of each key
	parts   []portion // and what each shard gets
	scratch []byte
	merges  []*merge // free
	stats   stats
}

// New makes the Service of a listener.
func New(l *loop.Loop, log *slog.Logger, listener string) *Service {
	s := &Service{loop: l, log: log, listener: listener}
	s.sweeper = l.After(sweepEvery, s.sweep)
	return s
}

// Prepare checks a listener and its pool and builds what they ask for.
func (s *Service) Prepare(l *config.Listener, pools map[string]*config.Pool) (commit func(), err error) {
	r := &l.Routes[0]
	if err := shards.Offered(l); err != nil {
		return nil, err
	}
	password, err := shards.Secret(l.Password, l.PasswordFile)
	if err != nil {
		return nil, err
	}
	limit := int(r.MaxBodySize)
	if limit == 0 {
		limit = defaultSize
	}
	env := shards.Env{Loop: s.loop, Log: s.log, Listener: s.listener, Language: resp{}, Size: limit}
	next, err := shards.New(env, pools[r.Arms[0].Pool], r.Timeout)
	if err == nil && next.Len() > shardsMost {
		err = fmt.Errorf("endpoints: %d are more than %d", next.Len(), shardsMost)
	}
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", r.Arms[0].Pool, err)
	}
	return func() {
		old, hub := s.pool, s.hub()
		s.limit, s.idle, s.password = limit, l.IdleTimeout.Or(defaultIdle), password
		s.pool = next
		next.Start(old)
		if hub != nil && hub != s.hub() {
			hub.EndSubscriptions() // subscribers come again, to the new one
		}
	}, nil
}

// Accept makes the handler of a client.
func (s *Service) Accept(*loop.Conn) loop.Handler {
	s.ids++
	return &client{s: s, id: s.ids, proto: 2, known: s.password == ""}
}

// Refusal is what a client above MaxConnections reads.
func (*Service) Refusal() string { return "-ERR nagi: max number of clients reached\r\n" }

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

// sweep closes clients that have long said nothing, and takes back what those
// hold that do nothing now.
func (s *Service) sweep() {
	s.sweeper.Reset(sweepEvery)
	s.clients.Sweep(s.loop.Now(), s.idle)
}
