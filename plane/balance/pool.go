package balance

import (
	"sync"
	"time"

	"nagi.dev/plane/config"
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
}

// A Ring places keys. Walk yields the owner of key, then whoever follows, as
// indices of the endpoints that the ring was made of.
type Ring interface {
	Walk(key []byte, yield func(i int) bool)
}

// A Pool balances over endpoints. Its methods may be called from any goroutine.
type Pool struct {
	name string

	mu        sync.Mutex // guards all below
	endpoints []*Endpoint
	ring      Ring // nil: not a ring
	spec      config.Pool
	active    int
	overflow  uint64 // requests refused by the limits
}

// NewPool makes the pool that spec describes. makeRing is asked for a ring if
// the algorithm is one.
func NewPool(spec config.Pool, makeRing MakeRing) (*Pool, error) {
	p := &Pool{name: spec.Name}
	return p, p.Update(spec, makeRing)
}

// MakeRing makes the ring of a pool, over its endpoints in order.
type MakeRing func(b config.Balance, endpoints []config.Endpoint) (Ring, error)

// Update changes to spec. An endpoint that both know keeps what is known of
// it: its requests in flight, its ejection.
func (p *Pool) Update(spec config.Pool, makeRing MakeRing) error {
	var r Ring
	if isRing(spec.Balance.Algorithm) && len(spec.Endpoints) > 0 {
		var err error
		if r, err = makeRing(spec.Balance, spec.Endpoints); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := map[[2]string]*Endpoint{}
	for _, e := range p.endpoints {
		old[[2]string{e.Name, e.Address}] = e
	}
	p.endpoints, p.ring, p.spec = nil, r, spec
	for _, c := range spec.Endpoints {
		name, weight := c.Name, max(c.Weight, 1)
		if name == "" {
			name = c.Address
		}
		e := old[[2]string{name, c.Address}]
		if e == nil || e.Weight != weight {
			e = &Endpoint{Name: name, Address: c.Address, Weight: weight}
		}
		e.drain = c.Drain
		p.endpoints = append(p.endpoints, e)
	}
	return nil
}

func isRing(algorithm string) bool {
	switch algorithm {
	case config.Ketama, config.Modula, config.Maglev, config.Jump:
		return true
	}
	return false
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

// Done ends a request that Pick began.
func (p *Pool) Done(e *Endpoint, o Outcome, now time.Time) {
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
}

// Stats shows the endpoints, and how many requests the limits refused.
func (p *Pool) Stats(now time.Time) (all []EndpointStats, overflow uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.endpoints {
		out := now.Before(e.until)
		all = append(all, EndpointStats{
			Name: e.Name, Address: e.Address, Healthy: !e.sick && !out, Ejected: out,
			Drain: e.drain, Active: e.active, Requests: e.requests, Failures: e.failures,
		})
	}
	return all, p.overflow
}
