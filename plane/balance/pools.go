package balance

import (
	"fmt"
	"sync"

	"nagi.dev/plane/config"
)

// Pools are the pools of a listener, by name. They live on across documents.
type Pools struct {
	mu  sync.Mutex // guards all
	all map[string]*Pool
}

// Prepare checks and builds what specs ask for. Only commit changes the set; a
// pool that both know keeps its state.
func (ps *Pools) Prepare(specs map[string]*config.Pool) (commit func(), err error) {
	rings := map[string]placer{}
	for name, s := range specs {
		if rings[name], err = newRing(s); err != nil {
			return nil, fmt.Errorf("make pool %s: %w", name, err)
		}
	}
	return func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		next := map[string]*Pool{}
		for name, s := range specs {
			if next[name] = ps.all[name]; next[name] == nil {
				next[name] = &Pool{name: name}
			}
			next[name].update(*s, rings[name])
		}
		ps.all = next
	}, nil
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
		p.each(func(e *Endpoint) { all[e] = true })
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
