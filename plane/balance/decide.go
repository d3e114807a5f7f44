package balance

import (
	"slices"
	"time"

	"nagi.dev/plane/config"
)

// chooseFrom returns the index of an open endpoint for a, or -1.
func (p *Pool) chooseFrom(a *Ask, open func(e *Endpoint) bool) int {
	if p.ring != nil {
		return p.onRing(a, open)
	}
	if i := p.home(a.Sticky, open); i >= 0 {
		return i
	}
	switch p.spec.Balance.Algorithm {
	case config.RoundRobin:
		return p.inTurn(open)
	case config.Random:
		return p.draw(a.Chance(), open, -1)
	}
	return p.lessBusy(a, open)
}

// choose looks first for an endpoint that was not tried; a pool of one may be
// tried again.
func (p *Pool) choose(a *Ask) int {
	if i := p.chooseFrom(a, func(e *Endpoint) bool { return e.any(a, true) }); i >= 0 || len(a.Tried) == 0 {
		return i
	}
	return p.chooseFrom(a, func(e *Endpoint) bool { return e.any(a, false) })
}

// any reports that e may get the request, or one of its copies.
func (e *Endpoint) any(a *Ask, fresh bool) bool {
	if e.may(a, fresh) {
		return true
	}
	if a.Read {
		for _, c := range e.copies {
			if c.may(a, fresh) {
				return true
			}
		}
	}
	return false
}

func (e *Endpoint) may(a *Ask, fresh bool) bool {
	return e.open(a.Now) && !(fresh && slices.Contains(a.Tried, e))
}

// member is e or the copy of it that answers: of those that may, one that was
// not tried, and the less busy.
func (p *Pool) member(e *Endpoint, a *Ask) *Endpoint {
	if !a.Read || len(e.copies) == 0 {
		return e
	}
	for _, fresh := range []bool{true, false} {
		var best *Endpoint
		for _, c := range append([]*Endpoint{e}, e.copies...) {
			if c.may(a, fresh) && (best == nil || c.active < best.active) {
				best = c
			}
		}
		if best != nil {
			return best
		}
	}
	return e
}

// open reports that e may get a request. One on trial gets one at a time.
func (e *Endpoint) open(now time.Time) bool {
	if e.sick || e.drain {
		return false
	}
	if e.until.IsZero() {
		return true
	}
	return !now.Before(e.until) && (!e.trial || e.active == 0)
}

// lessBusy draws two by chance and takes the one with fewer requests in
// flight for its weight.
func (p *Pool) lessBusy(a *Ask, open func(e *Endpoint) bool) int {
	c := a.Chance()
	i := p.draw(c&0xffffffff, open, -1)
	if i < 0 {
		return -1
	}
	j := p.draw(c>>32, open, i)
	if j < 0 {
		return i
	}
	x, y := p.endpoints[i], p.endpoints[j]
	if (x.active+1)*y.Weight <= (y.active+1)*x.Weight {
		return i
	}
	return j
}

// draw returns an open endpoint other than not, each with the same chance. As
// a rule the first one drawn is open; else it counts those that are.
func (p *Pool) draw(chance uint64, open func(e *Endpoint) bool, not int) int {
	if len(p.endpoints) == 0 {
		return -1
	}
	if i := int(chance % uint64(len(p.endpoints))); i != not && open(p.endpoints[i]) {
		return i
	}
	chance /= uint64(len(p.endpoints))
	n := 0
	for i, e := range p.endpoints {
		if i != not && open(e) {
			n++
		}
	}
	if n == 0 {
		return -1
	}
	k := int(chance % uint64(n))
	for i, e := range p.endpoints {
		if i == not || !open(e) {
			continue
		}
		if k == 0 {
			return i
		}
		k--
	}
	return -1
}

// inTurn gives each its share evenly spread: all gain their weight, the
// richest is chosen and pays the sum.
func (p *Pool) inTurn(open func(e *Endpoint) bool) int {
	best, sum := -1, 0
	for i, e := range p.endpoints {
		if !open(e) {
			continue
		}
		e.turn += e.Weight
		sum += e.Weight
		if best < 0 || e.turn > p.endpoints[best].turn {
			best = i
		}
	}
	if best >= 0 {
		p.endpoints[best].turn -= sum
	}
	return best
}

// onRing takes the first in the key's order that is open and, with a bound, not
// above its share of the load.
func (p *Pool) onRing(a *Ask, open func(e *Endpoint) bool) int {
	roomy := func(i int) bool { return open(p.endpoints[i]) && !p.tooBusy(p.endpoints[i]) }
	i := p.ring.PlaceWhere(a.Key, roomy)
	if i < 0 || roomy(i) {
		return i
	}
	if i = p.ring.PlaceWhere(a.Key, func(i int) bool { return open(p.endpoints[i]) }); open(p.endpoints[i]) {
		return i
	}
	return -1
}

// tooBusy reports that one more request would lift e above the bound, a
// multiple of the mean of all (consistent hashing with bounded loads).
func (p *Pool) tooBusy(e *Endpoint) bool {
	bound := p.spec.Balance.BoundedLoad
	if bound == 0 {
		return false
	}
	weights := 0
	for _, o := range p.endpoints {
		weights += o.Weight
	}
	mean := float64(p.active+1) * float64(e.Weight) / float64(weights)
	return float64(e.active) >= max(1, bound*mean)
}

// fail counts a failure and ejects an endpoint that has too many in a row, but
// never more of the pool than it may do without.
func (p *Pool) fail(e *Endpoint, now time.Time) {
	h := p.spec.Health
	limit := h.Failures
	if limit == 0 {
		limit = 5
	}
	e.fails++
	if limit < 0 || e.fails < limit && !e.trial || now.Before(e.until) {
		return
	}
	share := h.MaxEjected
	if share == 0 {
		if share = 50; p.ring != nil {
			share = 100
		}
	}
	out := 1
	for _, o := range p.endpoints {
		if o != e && now.Before(o.until) {
			out++
		}
	}
	if out*100 > share*len(p.endpoints) {
		return
	}
	e.ejected = min(e.ejected+1, 10)
	e.until = now.Add(h.EjectFor.Or(2*time.Second) * time.Duration(e.ejected))
	e.trial, e.fails = true, 0
}
