package ambassador

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/plane/config"
)

// A draft is a document in the making.
type draft struct {
	spec  v1alpha1.AmbassadorSpec
	world endpoints.World
	out   *config.Config
	count v1alpha1.EndpointsStatus
	errs  []error
}

// document returns what the planes of an Ambassador run. What is missing is
// an error; the document has an empty pool in its place, or is nil when there
// is nothing to run at all.
func document(s State) (*config.Config, v1alpha1.EndpointsStatus, error) {
	d := &draft{spec: s.Ambassador.Spec, world: s.World, out: &config.Config{}}
	route := config.Route{Timeout: duration(d.spec.Timeout)}
	switch {
	case d.spec.Shard != nil && d.spec.Shard.Nutcracker != nil:
		return fromNutcracker(s)
	case d.spec.Shard != nil:
		d.shard(&route)
	case d.spec.Broker != nil:
		b, err := backend(s)
		if err != nil {
			return nil, d.count, err
		}
		d.broker(&route, b)
	case d.spec.Split != nil:
		d.split(&route)
	case d.spec.Tee != nil:
		d.tee(&route)
	}
	d.out.Listeners = []config.Listener{{
		Name: "ambassador", Address: d.spec.Listen, Protocol: config.Protocol(d.spec.Protocol), Routes: []config.Route{route},
	}}
	return d.out, d.count, errors.Join(d.errs...)
}

// duration of a spec, which the API server checked.
func duration(text string) config.Duration {
	d, _ := time.ParseDuration(text)
	return config.Duration(d)
}

// pool adds a pool of one target and returns it.
func (d *draft) pool(name string, t v1alpha1.Target) *config.Pool {
	p := config.Pool{Name: name, Endpoints: d.endpoints(t)}
	d.out.Pools = append(d.out.Pools, p)
	return &d.out.Pools[len(d.out.Pools)-1]
}

// endpoints of a target, counted.
func (d *draft) endpoints(t v1alpha1.Target) []config.Endpoint {
	all, err := d.answer(t)
	if err != nil {
		d.errs = append(d.errs, err)
	}
	out := []config.Endpoint{}
	for _, e := range all {
		d.count.Known++
		if e.Ready {
			d.count.Ready++
		}
		out = append(out, config.Endpoint{Name: e.Name, Address: e.Address, Drain: e.Drain})
	}
	return out
}

func (d *draft) answer(t v1alpha1.Target) ([]endpoints.Endpoint, error) {
	switch {
	case t.Service != "":
		return d.world.Service(t.Service, t.Port)
	case t.StatefulSet != "":
		return d.world.StatefulSet(t.StatefulSet, t.Port)
	}
	return []endpoints.Endpoint{{Address: t.Address, Ready: true}}, nil
}

// shard has one pool: a ring of all targets.
func (d *draft) shard(r *config.Route) {
	s := d.spec.Shard
	p := config.Pool{Name: "shards", Endpoints: []config.Endpoint{}, Balance: config.Balance{
		Algorithm: cmp.Or(s.Ring.Algorithm, config.Ketama), Hash: s.Ring.Hash, HashTag: s.Ring.HashTag, EjectHosts: s.Ring.Eject,
	}}
	for _, t := range s.Targets {
		p.Endpoints = append(p.Endpoints, d.endpoints(t)...)
	}
	d.out.Pools = []config.Pool{p}
	r.Arms = []config.Arm{{Pool: p.Name}}
	if d.spec.Protocol == "http" {
		r.Key = cmp.Or(s.Key, "path")
	}
}

// backend is that of the environment.
func backend(s State) (v1alpha1.BrokerBackend, error) {
	b := s.Ambassador.Spec.Broker
	want := cmp.Or(b.Environment, s.Environment)
	if want == "" {
		return v1alpha1.BrokerBackend{}, errEnvironment{"the environment is not known; set spec.broker.environment, or label the namespace " + v1alpha1.EnvironmentLabel}
	}
	for _, c := range b.Backends {
		if c.Environment == want {
			return c, nil
		}
	}
	return v1alpha1.BrokerBackend{}, errEnvironment{fmt.Sprintf("no backend is for the environment %q", want)}
}

type errEnvironment struct{ text string }

func (e errEnvironment) Error() string { return e.text }

func (d *draft) broker(r *config.Route, b v1alpha1.BrokerBackend) {
	p := d.pool("backend", b.Target)
	if d.spec.Protocol == "redis" {
		p.Username, p.Database = b.Username, int(b.Database)
		if b.Password != nil {
			p.PasswordFile = passwordFile(b)
		}
	}
	r.Arms = []config.Arm{{Pool: p.Name}}
}

// passwordFile is where the graft mounts the password of a backend.
func passwordFile(b v1alpha1.BrokerBackend) string {
	return "/nagi/backends/" + b.Environment + "/" + b.Password.Key
}

func (d *draft) split(r *config.Route) {
	for i, route := range d.spec.Split.Routes {
		name := fmt.Sprintf("arm-%d", i)
		d.pool(name, route.Target)
		r.Arms = append(r.Arms, config.Arm{Pool: name, Weight: int(route.Weight)})
	}
	if s := d.spec.Split.Sticky; s != nil {
		r.Sticky = &config.Sticky{By: s.By, Name: s.Name}
	}
}

func (d *draft) tee(r *config.Route) {
	t := d.spec.Tee
	d.pool("answers", t.Target)
	d.pool("shadow", t.Shadow)
	r.Arms = []config.Arm{{Pool: "answers"}}
	r.Tee = &config.Tee{Pool: "shadow", Percent: float64(t.Percent)}
	if c := t.Compare; c != nil {
		r.Tee.Compare, r.Tee.IgnoreHeaders, r.Tee.IgnorePaths = true, c.IgnoreHeaders, c.IgnorePaths
	}
}
