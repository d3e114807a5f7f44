package config

import (
	"strconv"
	"strings"
)

func (v *checker) listener(l *Listener) {
	v.address("address", l.Address)
	if l.Protocol == "" {
		v.fault("protocol", "is required: http, redis, memcache or tcp")
	}
	v.oneOf("protocol", string(l.Protocol), string(HTTP), string(Redis), string(Memcache), string(TCP))
	v.atLeast("maxConnections", float64(l.MaxConnections), 0)
	v.atLeast("trustedHops", float64(l.TrustedHops), 0)
	v.socketMode(l)
	if (l.Password != "" || l.PasswordFile != "") && l.Protocol != Redis {
		v.fault("password", "only redis has it")
	}
	if t := l.TLS; t != nil {
		v.at("tls").serverTLS(t)
	}
	if l.RateLimit != nil {
		v.at("rateLimit").rateLimit(l.RateLimit)
	}
	if len(l.Routes) == 0 {
		v.fault("routes", "at least one is required")
	}
	if len(l.Routes) > 1 && l.Protocol != HTTP {
		v.fault("routes", "only http has more than one")
	}
	for i := range l.Routes {
		v.at("routes[%d]", i).route(&l.Routes[i], l.Protocol)
	}
}

func (v *checker) socketMode(l *Listener) {
	if l.SocketMode == "" {
		return
	}
	if !strings.HasPrefix(l.Address, "unix:") {
		v.fault("socketMode", "%s is no socket in a folder", l.Address)
	}
	if m, err := strconv.ParseUint(l.SocketMode, 8, 32); err != nil || m > 0o777 {
		v.fault("socketMode", "%q is no mode; write it as \"0660\"", l.SocketMode)
	}
}

func (v *checker) serverTLS(t *ServerTLS) {
	if t.CertFile == "" || t.KeyFile == "" {
		v.fault("", "certFile and keyFile are required")
	}
	v.oneOf("minVersion", t.MinVersion, "1.2", "1.3")
}

func (v *checker) route(r *Route, p Protocol) {
	if (len(r.Arms) == 0) == (r.Scatter == nil) {
		v.fault("", "needs arms or scatter, one of them")
	}
	if p != HTTP {
		v.onlyHTTP(r)
	}
	for i, a := range r.Arms {
		at := v.at("arms[%d]", i)
		at.knownPool("pool", a.Pool)
		at.atLeast("weight", float64(a.Weight), 0)
	}
	v.key(r.Key)
	if s := r.Sticky; s != nil {
		v.at("sticky").sticky(s)
	}
	if m := r.Match; m != nil && m.Path != "" && !strings.HasPrefix(strings.TrimPrefix(m.Path, "="), "/") {
		v.fault("match.path", "%q does not begin with /", m.Path)
	}
	v.policies(r)
}

// onlyHTTP names what the other protocols do not have.
func (v *checker) onlyHTTP(r *Route) {
	for field, set := range map[string]bool{
		"match": r.Match != nil, "scatter": r.Scatter != nil, "cache": r.Cache != nil, "hedge": r.Hedge != nil,
		"key":               r.Key != "" && r.Key != "address",
		"setRequestHeaders": len(r.SetRequestHeaders) > 0, "removeRequestHeaders": len(r.RemoveRequestHeaders) > 0,
		"setResponseHeaders": len(r.SetResponseHeaders) > 0, "removeResponseHeaders": len(r.RemoveResponseHeaders) > 0,
	} {
		if set {
			v.fault(field, "only http has it")
		}
	}
}

func (v *checker) key(k string) {
	kind, name, named := strings.Cut(k, ":")
	switch kind {
	case "", "path", "address":
		if named {
			v.fault("key", "%q: %s takes no name", k, kind)
		}
	case "query", "header", "cookie":
		if name == "" {
			v.fault("key", "%q: write %s:NAME", k, kind)
		}
	default:
		v.fault("key", "%q is none of path, address, query:NAME, header:NAME, cookie:NAME", k)
	}
}

func (v *checker) sticky(s *Sticky) {
	v.oneOf("by", s.By, "address", "cookie", "header")
	if s.By == "" {
		v.fault("by", "is required: address, cookie or header")
	}
	if s.By == "header" && s.Name == "" {
		v.fault("name", "is required: the header that names a client")
	}
}

func (v *checker) policies(r *Route) {
	if t := r.Tee; t != nil {
		at := v.at("tee")
		at.knownPool("pool", t.Pool)
		at.percent("percent", t.Percent)
	}
	if c := r.Cache; c != nil && c.Size <= 0 {
		v.fault("cache.size", "is required: bytes of memory")
	}
	if t := r.Retry; t != nil {
		at := v.at("retry")
		at.atLeast("attempts", float64(t.Attempts), 0)
		at.percent("budget", t.Budget)
		for _, on := range t.On {
			at.oneOf("on", on, "connect", "reset", "timeout", "502", "503", "504")
		}
	}
	if h := r.Hedge; h != nil {
		at := v.at("hedge")
		at.percent("budget", h.Budget)
		if h.Quantile < 0 || h.Quantile >= 1 {
			at.fault("quantile", "%v is not between 0 and 1", h.Quantile)
		}
	}
	if r.Limit != nil {
		v.at("limit").rateLimit(r.Limit)
	}
	if r.Scatter != nil {
		v.at("scatter").scatter(r.Scatter)
	}
}

func (v *checker) rateLimit(r *RateLimit) {
	if r.PerSecond <= 0 {
		v.fault("perSecond", "must be above 0")
	}
	if name, ok := strings.CutPrefix(r.By, "header:"); !ok || name == "" {
		v.oneOf("by", r.By, "address", "header:NAME")
	}
}

func (v *checker) scatter(s *Scatter) {
	if len(s.Leaves) == 0 {
		v.fault("leaves", "at least one is required")
	}
	names := map[string]bool{}
	for i, l := range s.Leaves {
		at := v.at("leaves[%d]", i)
		at.unique(names, "name", l.Name)
		at.knownPool("pool", l.Pool)
		at.atLeast("weight", l.Weight, 0)
	}
	if s.MinCoverage < 0 || s.MinCoverage > 1 {
		v.fault("minCoverage", "%v is not between 0 and 1", s.MinCoverage)
	}
	v.at("merge").merge(s.Merge)
}

func (v *checker) merge(m Merge) {
	v.oneOf("builtin", m.Builtin, "concat", "topK", "sum", "deep")
	ways := 0
	for _, way := range []string{m.Builtin, m.URL, m.WASM} {
		if way != "" {
			ways++
		}
	}
	if ways != 1 {
		v.fault("", "needs one of builtin, url and wasm")
	}
	if m.Builtin == "topK" && m.By == "" {
		v.fault("by", "is required: the field to order by")
	}
}
