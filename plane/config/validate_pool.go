package config

import "slices"

func (v *checker) pool(p *Pool) {
	v.unique(v.top().pools, "name", p.Name)
	v.endpoints(p.Endpoints)
	v.at("balance").balance(p.Balance)
	if p.Previous != nil {
		v.at("previous").endpoints(p.Previous.Endpoints)
		v.at("previous.balance").balance(p.Previous.Balance)
	}
	h := p.Health
	v.percent("health.maxEjected", float64(h.MaxEjected))
	if t := p.TLS; t != nil && (t.CertFile == "") != (t.KeyFile == "") {
		v.fault("tls", "certFile and keyFile go together")
	}
	if p.HTTP2 && h.Active != nil && h.Active.Path != "" {
		v.fault("health.active.path", "endpoints that speak HTTP/2 are checked by a connection; leave it out")
	}
	if p.SendProxy < 0 || p.SendProxy > 2 {
		v.fault("sendProxy", "%d is none of 1 and 2", p.SendProxy)
	}
}

// endpoints may be none: a Service without ready pods answers 503.
func (v *checker) endpoints(es []Endpoint) {
	seen := map[string]bool{}
	for i, e := range es {
		at := v.at("endpoints[%d]", i)
		at.address("address", e.Address)
		name := e.Name
		if name == "" {
			name = e.Address
		}
		at.unique(seen, "name", name)
		at.atLeast("weight", float64(e.Weight), 0)
		for j, c := range e.Copies {
			at.at("copies[%d]", j).address("", c)
		}
	}
}

func (v *checker) balance(b Balance) {
	rings := []string{Ketama, Modula, Maglev, Jump, Random}
	v.oneOf("algorithm", b.Algorithm, append([]string{LeastRequest, RoundRobin}, rings...)...)
	if b.Hash != "" && !slices.Contains(rings, b.Algorithm) {
		v.fault("hash", "only rings have one: %v", rings)
	}
	v.oneOf("hash", b.Hash, Hashes...)
	if b.HashTag != "" && len(b.HashTag) != 2 {
		v.fault("hashTag", "%q is not two characters", b.HashTag)
	}
	if b.BoundedLoad != 0 && b.BoundedLoad < 1 {
		v.fault("boundedLoad", "%v is below 1", b.BoundedLoad)
	}
}
