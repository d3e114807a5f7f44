package shards

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/meter"
	"nagi.dev/plane/ring"
)

const (
	defaultTimeout = 5 * time.Second
	defaultConnect = time.Second
)

// An Env is what pools live in.
type Env struct {
	Loop     *loop.Loop
	Log      *slog.Logger
	Listener string
	Language Language
	Size     int // bytes of a reply at most
}

// A Pool is the shards that keys belong to.
type Pool struct {
	env     Env
	name    string
	shards  []*Shard
	members []ring.Member
	options ring.Options
	ring    *ring.Ring

	eject    bool // keys of a shard that is away go to the others
	limit    int  // failures in a row; 0: it is never taken out for them
	ejectFor time.Duration
	most     int // percent of the shards that may be out

	timeout, connect time.Duration
	login            Login
	connections      int // to one shard
	inFlight         int // to all of them; 0: no bound
	check            *config.ActiveCheck
	checker          *loop.Timer
}

// New checks c and builds what does not touch what runs. timeout goes before
// that of c where it is not zero.
func New(env Env, c *config.Pool, timeout config.Duration) (*Pool, error) {
	if c.TLS != nil || c.HTTP2 || c.Previous != nil || c.SendProxy != 0 {
		return nil, errors.New("tls, http2, previous, sendProxy: they are for http")
	}
	password, err := Secret(c.Password, c.PasswordFile)
	if err != nil {
		return nil, err
	}
	if timeout == 0 {
		timeout = c.Timeout
	}
	p := &Pool{
		env: env, name: c.Name, eject: c.Balance.EjectHosts, limit: cmp.Or(c.Health.Failures, 5),
		ejectFor: c.Health.EjectFor.Or(2 * time.Second), most: cmp.Or(c.Health.MaxEjected, 100),
		timeout: timeout.Or(defaultTimeout), connect: c.ConnectTimeout.Or(defaultConnect),
		login:       Login{c.Username, password, c.Database},
		connections: cmp.Or(c.Limits.MaxConnections, 1024), inFlight: c.Limits.MaxRequests, check: c.Health.Active,
		options: ring.Options{
			Algorithm: cmp.Or(c.Balance.Algorithm, config.Ketama), Hash: c.Balance.Hash, Tag: c.Balance.HashTag,
			Chance: rand.Uint64, Compatible: c.Balance.Compatible,
		},
	}
	p.limit = max(p.limit, 0)
	if p.timeout < 0 {
		p.timeout = 10 * 365 * 24 * time.Hour // none
	}
	if a := p.options.Algorithm; len(c.Endpoints) < 2 && (a == config.LeastRequest || a == config.RoundRobin) {
		p.options.Algorithm = config.Ketama
	}
	for _, e := range c.Endpoints {
		if err := p.add(e); err != nil {
			return nil, err
		}
	}
	if c.Balance.BoundedLoad != 0 {
		return nil, errors.New("balance.boundedLoad: a key has one owner")
	}
	return p, p.place()
}

func (p *Pool) add(e config.Endpoint) error {
	if len(e.Copies) > 0 {
		return fmt.Errorf("endpoint %s: copies: they are for http", e.Address)
	}
	name := e.Name
	if name == "" && p.options.Compatible {
		name = ring.Name(e.Address)
	}
	p.shards = append(p.shards, newShard(p, cmp.Or(e.Name, e.Address), e.Address, e.Drain))
	p.members = append(p.members, ring.Member{Name: cmp.Or(name, e.Address), Weight: e.Weight})
	return nil
}

// place makes the ring anew, without those that are out.
func (p *Pool) place() error {
	for i, sh := range p.shards {
		p.members[i].Out = sh.out || sh.drain
	}
	r, err := ring.New(p.members, p.options)
	if err != nil {
		return err
	}
	p.ring = r
	return nil
}

// Start puts p in force in the place of old, which may be nil. A shard that stays keeps its
// connections and what is known of its health.
func (p *Pool) Start(old *Pool) {
	kept := map[*Shard]bool{}
	for i, sh := range p.shards {
		if was := old.same(sh); was != nil && old.login == p.login {
			was.pool, was.index, was.drain = p, i, sh.drain
			p.shards[i] = was
			kept[was] = true
		}
	}
	if old != nil {
		old.stop(kept)
	}
	_ = p.place() // it worked with these options before
	if p.check != nil {
		p.checker = p.env.Loop.After(p.check.Interval.Or(2*time.Second), p.checkAll)
	}
}

// same returns the shard of p that is the same server as another one.
func (p *Pool) same(as *Shard) *Shard {
	if p == nil {
		return nil
	}
	for _, sh := range p.shards {
		if sh.name == as.name && sh.address == as.address {
			return sh
		}
	}
	return nil
}

// stop ends all shards but those that are kept.
func (p *Pool) stop(kept map[*Shard]bool) {
	if p.checker != nil {
		p.checker.Stop()
	}
	for _, sh := range p.shards {
		if !kept[sh] {
			sh.retire()
		}
	}
}

// Of returns the shard of a key; nil: there is none.
func (p *Pool) Of(key []byte) *Shard {
	i := p.ring.Place(key)
	if i < 0 {
		return nil
	}
	return p.shards[i]
}

// change takes sh out of the ring or back, where the pool may.
func (p *Pool) change(sh *Shard, out bool) {
	if !p.eject || sh.out == out {
		return
	}
	gone := 0
	for _, x := range p.shards {
		if x.out {
			gone++
		}
	}
	if out && (gone+1)*100 > p.most*len(p.shards) {
		return
	}
	sh.out = out
	if out {
		sh.ejections++
	}
	_ = p.place() // it worked with these options before
	p.env.Log.Warn("ring changed", "pool", p.name, "shard", sh.name, "out", out, "cause", sh.reason)
}

// checkAll asks each shard that is idle whether it lives. One that answers
// others needs not be asked.
func (p *Pool) checkAll() {
	p.checker.Reset(p.check.Interval.Or(2 * time.Second))
	for _, sh := range p.shards {
		if !sh.down {
			sh.ping()
		}
	}
}

// Place returns the index of the shard of a key; -1: there is none.
func (p *Pool) Place(key []byte) int { return p.ring.Place(key) }

// At returns a shard by its index.
func (p *Pool) At(i int) *Shard { return p.shards[i] }

// Len is how many shards there are, whatever their health.
func (p *Pool) Len() int { return len(p.shards) }

// Name is the pool's name in the document.
func (p *Pool) Name() string { return p.name }

// Login is who the pool is to its shards.
func (p *Pool) Login() Login { return p.login }

// Stop ends all connections, those with replies to come after these.
func (p *Pool) Stop() { p.stop(nil) }

// Any returns a shard that is there; nil: there is none.
func (p *Pool) Any() *Shard {
	for _, sh := range p.shards {
		if !sh.down {
			return sh
		}
	}
	return nil
}

// Full is the error of a pool that has as many requests in flight as it may.
func (p *Pool) Full() error {
	if p.inFlight == 0 {
		return nil
	}
	n := 0
	for _, sh := range p.shards {
		n += sh.flying()
	}
	if n < p.inFlight {
		return nil
	}
	return fmt.Errorf("pool %s has %d requests in flight, as many as it may", p.name, n)
}

// Secret is a password, or the first line of its file.
func Secret(plain, file string) (string, error) {
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

// Collect adds the figures of each shard. prefix names the protocol.
func (p *Pool) Collect(g *meter.Gather, prefix string) {
	for _, sh := range p.shards {
		l := []string{"listener", p.env.Listener, "pool", p.name, "shard", sh.name, "address", sh.address}
		g.Counter(prefix+"_shard_requests_total", "Requests sent to a shard.", float64(sh.requests), l...)
		g.Counter(prefix+"_shard_failures_total", "Connections that failed or timed out.", float64(sh.failed), l...)
		g.Counter(prefix+"_shard_timeouts_total", "Replies that did not come in time.", float64(sh.timeouts), l...)
		g.Counter(prefix+"_shard_ejections_total", "Times a shard was taken out.", float64(sh.ejections), l...)
		g.Gauge(prefix+"_shard_up", "1: it serves; 0: it is away.", float64(map[bool]int{true: 0, false: 1}[sh.down]), l...)
		g.Gauge(prefix+"_shard_in_flight", "Requests without a reply yet.", float64(sh.flying()), l...)
		g.Gauge(prefix+"_shard_connections", "Connections to a shard.", float64(sh.conns), l...)
	}
}
