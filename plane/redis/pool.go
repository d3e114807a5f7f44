package redis

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/ring"
)

// A pool is the shards of a service.
type pool struct {
	s       *Service
	name    string
	shards  []*shard
	members []ring.Member
	options ring.Options
	ring    *ring.Ring

	eject    bool // keys of a shard that is away go to the others
	limit    int  // failures in a row; 0: it is never taken out for them
	ejectFor time.Duration
	most     int // percent of the shards that may be out

	timeout, connect time.Duration
	username         string
	password         string
	database         int
	connections      int // to one shard
	inFlight         int // to all of them; 0: no bound
	proxy            int // version of the PROXY header
	check            *config.ActiveCheck
	checker          *loop.Timer
}

// newPool checks c and builds what does not touch what runs.
func newPool(s *Service, c *config.Pool, timeout config.Duration) (*pool, error) {
	if c.TLS != nil || c.HTTP2 || c.Previous != nil || c.SendProxy != 0 {
		return nil, errors.New("tls, http2, previous, sendProxy: redis does not offer them")
	}
	password, err := secret(c.Password, c.PasswordFile)
	if err != nil {
		return nil, err
	}
	if timeout == 0 {
		timeout = c.Timeout
	}
	p := &pool{
		s: s, name: c.Name, eject: c.Balance.EjectHosts, limit: cmp.Or(c.Health.Failures, 5),
		ejectFor: c.Health.EjectFor.Or(2 * time.Second), most: cmp.Or(c.Health.MaxEjected, 100),
		timeout: timeout.Or(defaultTimeout), connect: c.ConnectTimeout.Or(defaultConnect),
		username: c.Username, password: password, database: c.Database,
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
		return nil, errors.New("balance.boundedLoad: redis does not offer it: a key has one owner")
	}
	return p, p.place()
}

func (p *pool) add(e config.Endpoint) error {
	if len(e.Copies) > 0 {
		return fmt.Errorf("endpoint %s: copies: redis does not offer them", e.Address)
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
func (p *pool) place() error {
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

// start puts p in force in the place of old. A shard that stays keeps its
// connections and what is known of its health.
func (p *pool) start(old *pool) {
	kept := map[*shard]bool{}
	for i, sh := range p.shards {
		if was := old.same(sh); was != nil && old.login() == p.login() {
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
		p.checker = p.s.loop.After(p.check.Interval.Or(2*time.Second), p.checkAll)
	}
}

// login is what connections of a pool begin with.
func (p *pool) login() string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%q %q %d", p.username, p.password, p.database)
}

func (p *pool) same(as *shard) *shard {
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
func (p *pool) stop(kept map[*shard]bool) {
	if p.checker != nil {
		p.checker.Stop()
	}
	for _, sh := range p.shards {
		if !kept[sh] {
			sh.retire()
		}
	}
}

// of returns the shard of a key; nil: there is none.
func (p *pool) of(key []byte) *shard {
	i := p.ring.Place(key)
	if i < 0 {
		return nil
	}
	return p.shards[i]
}

// change takes sh out of the ring or back, where the pool may.
func (p *pool) change(sh *shard, out bool) {
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
	p.s.log.Warn("ring changed", "pool", p.name, "shard", sh.name, "out", out, "cause", sh.reason)
}

// checkAll asks each shard that is idle whether it lives. One that answers
// others needs not be asked.
func (p *pool) checkAll() {
	p.checker.Reset(p.check.Interval.Or(2 * time.Second))
	for _, sh := range p.shards {
		if !sh.down {
			sh.ping()
		}
	}
}

// ways is how many requests are in flight to all shards.
func (p *pool) flying() (n int) {
	for _, sh := range p.shards {
		n += sh.inFlight()
	}
	return n
}
