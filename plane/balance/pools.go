package balance

import (
	"fmt"
	"sync"

	"nagi.dev/plane/config"
)

// Pools are all pools of a plane, by name. They live on across documents.
type Pools struct {
	makeRing MakeRing

	mu  sync.Mutex // guards all
	all map[string]*Pool
}

// NewPools makes an empty set.
func NewPools(makeRing MakeRing) *Pools {
	return &Pools{makeRing: makeRing, all: map[string]*Pool{}}
}

// Update makes the set what specs say. A pool that both know keeps its state.
func (ps *Pools) Update(specs []config.Pool) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	next := map[string]*Pool{}
	for _, s := range specs {
		p := ps.all[s.Name]
		if p == nil {
			p = &Pool{name: s.Name}
		}
		if err := p.Update(s, ps.makeRing); err != nil {
			return fmt.Errorf("make pool %s: %w", s.Name, err)
		}
		next[s.Name] = p
	}
	ps.all = next
	return nil
}

// Get returns a pool; nil: there is none of that name.
func (ps *Pools) Get(name string) *Pool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.all[name]
}

// Endpoints are those of all pools.
func (ps *Pools) Endpoints() map[*Endpoint]bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	all := map[*Endpoint]bool{}
	for _, p := range ps.all {
		p.mu.Lock()
		for _, e := range p.endpoints {
			all[e] = true
		}
		p.mu.Unlock()
	}
	return all
}

// Each calls f with every pool.
func (ps *Pools) Each(f func(*Pool)) {
	ps.mu.Lock()
	all := make([]*Pool, 0, len(ps.all))
	for _, p := range ps.all {
		all = append(all, p)
	}
	ps.mu.Unlock()
	for _, p := range all {
		f(p)
	}
}
