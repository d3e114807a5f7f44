package balance

import (
	"cmp"
	"sync"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/meter"
	"nagi.dev/plane/ring"
)

// An Endpoint is what is known of one address. Name, Address and Weight never
// change; the rest belongs to its Pool.
type Endpoint struct {
	Name    string
	Address string
	Weight  int

	// Conns belongs to whoever sends on the loop: its connections.
	Conns any

	drain    bool
	active   int       // requests in flight
	turn     int       // of the smooth round robin
	sick     bool      // says the active check
	fails    int       // in a row
	ejected  int       // times in a row
	until    time.Time // it is ejected; the zero time: it is not
	trial    bool      // back from an ejection, and not yet proven
	requests uint64
	failures uint64
	latency  *meter.Histogram
}

// A placer is what a pool asks of a ring: the first in key's order that ok takes.
type placer interface {
	PlaceWhere(key []byte, ok func(i int) bool) int
}

// A Pool balances over endpoints. Its methods may be called from any goroutine.
type Pool struct {
	name string

	mu        sync.Mutex // guards all below
	endpoints []*Endpoint
	ring      placer // nil: not a ring
	spec      config.Pool
	active    int
	overflow  uint64 // requests refused by the limits
}

// NewPool makes the pool that spec describes.
func NewPool(spec config.Pool) (*Pool, error) {
	r, err := newRing(&spec)
	if err != nil {
		return nil, err
	}
	p := &Pool{name: spec.Name}
	p.update(spec, r)
	return p, nil
}

// newRing makes the ring of a pool; nil: it has none.
func newRing(spec *config.Pool) (placer, error) {
	b := spec.Balance
	switch b.Algorithm {
	case config.Ketama, config.Modula, config.Maglev, config.Jump:
	default:
		return nil, nil //nolint:nilnil // the others place no keys
	}
	var members []ring.Member
	for _, e := range spec.Endpoints {
		members = append(members, ring.Member{Name: cmp.Or(e.Name, e.Address), Weight: e.Weight})
	}
	r, err := ring.New(members, ring.Options{Algorithm: b.Algorithm, Hash: b.Hash, Tag: b.HashTag, Compatible: b.Compatible})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// update changes to spec. An endpoint that both know keeps what is known of
// it: its requests in flight, its ejection.
func (p *Pool) update(spec config.Pool, r placer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := map[[2]string]*Endpoint{}
	for _, e := range p.endpoints {
		old[[2]string{e.Name, e.Address}] = e
	}
	p.endpoints, p.ring, p.spec = nil, r, spec
	for _, c := range spec.Endpoints {
		name, weight := cmp.Or(c.Name, c.Address), max(c.Weight, 1)
		e := old[[2]string{name, c.Address}]
		if e == nil || e.Weight != weight {
			e = &Endpoint{Name: name, Address: c.Address, Weight: weight, latency: new(meter.Histogram)}
		}
		e.drain = c.Drain
		e.sick = e.sick && spec.Health.Active != nil
		p.endpoints = append(p.endpoints, e)
	}
}

// Name is the pool's name in the document.
func (p *Pool) Name() string { return p.name }

// Spec is what the pool was made of last.
func (p *Pool) Spec() config.Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spec
}

// Limits are the circuit breakers of the pool.
func (p *Pool) Limits() config.Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spec.Limits
}

// Dialing is how long a connection may take, and the version of the PROXY
// header that it begins with; 0: none.
func (p *Pool) Dialing() (timeout time.Duration, sendProxy int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spec.ConnectTimeout.Or(time.Second), p.spec.SendProxy
}

// Keyed reports that requests need a key.
func (p *Pool) Keyed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ring != nil
}

// An Ask is what a pick depends on besides the endpoints.
type Ask struct {
	Now    time.Time
	Chance func() uint64 // evenly distributed; asked at most twice
	Key    []byte        // for rings
	Sticky Sticky        // where the client belongs; zero: nowhere
	Tried  []*Endpoint   // not these, unless there is no other
}

// A Refusal is why no endpoint gets a request.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// The refusals of Pick.
const (
	ErrNone     Refusal = "no endpoint is there"
	ErrSick     Refusal = "no endpoint is healthy"
	ErrOverflow Refusal = "too many requests are in flight"
)

// Pick chooses an endpoint and counts a request in flight to it, which Done
// ends.
func (p *Pool) Pick(a Ask) (*Endpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit := p.spec.Limits.MaxRequests; limit > 0 && p.active >= limit {
		p.overflow++
		return nil, ErrOverflow
	}
	i := p.choose(&a)
	if i < 0 {
		if len(p.endpoints) == 0 {
			return nil, ErrNone
		}
		return nil, ErrSick
	}
	e := p.endpoints[i]
	e.active++
	e.requests++
	p.active++
	return e, nil
}

// An Outcome is how a request to an endpoint ended.
type Outcome uint8

// The outcomes.
const (
	Good    Outcome = iota
	Failed          // the endpoint is to blame: no connection, no answer, 5xx of a gateway
	Neutral         // says nothing: the client went away, a hedge lost
)

// Done ends a request that Pick began, which took so long.
func (p *Pool) Done(e *Endpoint, o Outcome, took time.Duration, now time.Time) {
	e.latency.ObserveAtomic(took)
	p.mu.Lock()
	defer p.mu.Unlock()
	e.active--
	p.active--
	switch o {
	case Good:
		e.fails, e.ejected, e.trial = 0, 0, false
	case Failed:
		e.failures++
		p.fail(e, now)
	}
}

// Check takes in the verdict of an active check.
func (p *Pool) Check(address string, healthy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.endpoints {
		if e.Address == address {
			e.sick = !healthy
		}
	}
}

// An EndpointStats is an endpoint as it is shown.
type EndpointStats struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Healthy  bool   `json:"healthy"`
	Ejected  bool   `json:"ejected,omitempty"`
	Drain    bool   `json:"drain,omitempty"`
	Active   int    `json:"active"`
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`

	Latency *meter.Histogram `json:"-"`
}

// Stats shows the endpoints, and how many requests the limits refused.
func (p *Pool) Stats(now time.Time) (all []EndpointStats, overflow uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.endpoints {
		out := now.Before(e.until)
		all = append(all, EndpointStats{
			Name: e.Name, Address: e.Address, Healthy: !e.sick && !out, Ejected: out,
			Drain: e.drain, Active: e.active, Requests: e.requests, Failures: e.failures, Latency: e.latency,
		})
	}
	return all, p.overflow
}
