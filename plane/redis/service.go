package redis

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
)

const (
	defaultTimeout = 5 * time.Second
	defaultConnect = time.Second
	defaultIdle    = time.Hour
	defaultSize    = 64 << 20 // bytes of a request or a reply
	sweepEvery     = 5 * time.Second
)

// A Service shards what the clients of one listener ask. All of it runs on the loop.
type Service struct {
	loop     *loop.Loop
	log      *slog.Logger
	listener string
	pool     *pool
	limit    int // bytes of a request or a reply
	idle     time.Duration
	password string // that clients must give; none: they need not
	closed   bool

	clients list // all that are open
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
	s.clients.init()
	s.sweeper = l.After(sweepEvery, s.sweep)
	return s
}

// Prepare checks a listener and its pool and builds what they ask for.
func (s *Service) Prepare(l *config.Listener, pools map[string]*config.Pool) (commit func(), err error) {
	r := &l.Routes[0]
	if err := offered(l, r); err != nil {
		return nil, err
	}
	password, err := secret(l.Password, l.PasswordFile)
	if err != nil {
		return nil, err
	}
	limit := int(r.MaxBodySize)
	if limit == 0 {
		limit = defaultSize
	}
	next, err := newPool(s, pools[r.Arms[0].Pool], r.Timeout)
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", r.Arms[0].Pool, err)
	}
	return func() {
		old := s.pool
		s.limit, s.idle, s.password = limit, l.IdleTimeout.Or(defaultIdle), password
		s.pool = next
		next.start(old)
	}, nil
}

// offered refuses, by name, what a document may say and this codec does not do.
func offered(l *config.Listener, r *config.Route) error {
	var errs []error
	for what, set := range map[string]bool{
		"tls": l.TLS != nil, "rateLimit": l.RateLimit != nil, "routes[0].limit": r.Limit != nil, "routes[0].tee": r.Tee != nil,
		"routes[0].retry": r.Retry != nil, "routes[0].sticky": r.Sticky != nil, "routes[0].key": r.Key != "",
	} {
		if set {
			errs = append(errs, fmt.Errorf("%s: redis does not offer it", what))
		}
	}
	if len(r.Arms) != 1 {
		errs = append(errs, errors.New("routes[0].arms: redis has one; a key belongs to one pool"))
	}
	return errors.Join(errs...)
}

// secret is a password, or the first line of its file.
func secret(plain, file string) (string, error) {
	if file == "" {
		return plain, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), nil
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
	if s.closed && s.clients.empty() {
		s.sweeper.Stop()
		if s.pool != nil {
			s.pool.stop(nil)
		}
	}
}

// sweep closes clients that have long said nothing, and takes back what those
// hold that do nothing now.
func (s *Service) sweep() {
	s.sweeper.Reset(sweepEvery)
	for c := s.clients.next; c != &s.clients.client; {
		next := c.next
		c.trim()
		if s.idle > 0 && !c.waits() && s.loop.Now()-c.seen > s.idle {
			c.conn.Finish()
		}
		c = next
	}
}

// A list is a ring of clients, with one that is none as its start.
type list struct{ client }

func (l *list) init()       { l.next, l.prev = &l.client, &l.client }
func (l *list) empty() bool { return l.next == &l.client }

func (l *list) add(c *client) {
	c.next, c.prev = &l.client, l.prev
	c.prev.next, l.prev = c, c
}

func (c *client) unlink() {
	c.prev.next, c.next.prev = c.next, c.prev
	c.next, c.prev = nil, nil
}
