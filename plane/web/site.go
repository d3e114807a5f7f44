package web

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
	"nagi.dev/plane/http1"
)

// A site is a listener as its connections need it. It never changes once it runs.
type site struct {
	spec          config.Listener
	routes        []*route
	limit         *limit
	headerTimeout time.Duration
	idleTimeout   time.Duration
	certs         *certs // nil: no TLS
}

// A route is a config.Route with all that its requests need ready to use.
type route struct {
	spec    config.Route
	name    string
	arms    []arm
	split   *balance.Split
	sticky  sticky
	key     key
	retry   *retry
	limit   *limit
	timeout time.Duration // 0: none
	request edit
	answer  edit
	far     bool // runs on goroutines
	stats   *routeStats
	hedge   *hedge
	store   *store
}

type arm struct {
	name string
	pool *balance.Pool
}

// An edit is the static part of an http1.Edit.
type edit struct {
	drop []string
	add  []byte
	set  map[string]string
}

func newEdit(set map[string]string, remove []string) edit {
	e := edit{set: set}
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e.drop = append(e.drop, strings.ToLower(name))
		e.add = fmt.Appendf(e.add, "%s: %s\r\n", name, set[name])
	}
	for _, name := range remove {
		e.drop = append(e.drop, strings.ToLower(name))
	}
	return e
}

// apply does to a header what the edit does to a head.
func (e *edit) apply(h http.Header) {
	for _, name := range e.drop {
		h.Del(name)
	}
	for name, value := range e.set {
		h.Set(name, value)
	}
}

// A retry is a config.Retry with its defaults and its budget.
type retry struct {
	spec     config.Retry
	attempts int
	budget   *balance.Budget
	connect  bool
	reset    bool
	timeout  bool
	status   map[int]bool
}

func newRetry(spec *config.Retry) *retry {
	if spec == nil {
		return nil
	}
	r := &retry{spec: *spec, attempts: spec.Attempts, status: map[int]bool{}}
	if r.attempts == 0 {
		r.attempts = 2
	}
	share := spec.Budget
	if share == 0 {
		share = 20
	}
	r.budget = balance.NewRetryBudget(share)
	on := spec.On
	if len(on) == 0 {
		on = []string{"connect", "reset", "503"}
	}
	for _, what := range on {
		switch what {
		case "connect":
			r.connect = true
		case "reset":
			r.reset = true
		case "timeout":
			r.timeout = true
		default:
			r.status[int(what[0]-'0')*100+int(what[2]-'0')] = true // 502, 503, 504
		}
	}
	return r
}

// A limit is a rate limit and what its keys are.
type limit struct {
	spec   config.RateLimit
	header string // in lower case; its value is the key
	each   bool   // address
	*balance.Limiter
}

func newLimit(spec *config.RateLimit) *limit {
	if spec == nil {
		return nil
	}
	l := &limit{spec: *spec, Limiter: balance.NewLimiter(*spec), each: spec.By == "address"}
	if name, ok := strings.CutPrefix(spec.By, "header:"); ok {
		l.header = strings.ToLower(name)
	}
	return l
}

func newSite(l *config.Listener, pools map[string]*config.Pool, log *slog.Logger) (*site, error) {
	certs, err := newCerts(l.TLS, log)
	if err != nil {
		return nil, err
	}
	s := &site{
		spec: *l, limit: newLimit(l.RateLimit),
		headerTimeout: l.HeaderTimeout.Or(10 * time.Second),
		idleTimeout:   l.IdleTimeout.Or(time.Hour),
		certs:         certs,
	}
	for i := range l.Routes {
		r, err := newRoute(&l.Routes[i], i, pools)
		if err != nil {
			return nil, fmt.Errorf("prepare route %d of %s: %w", i, l.Name, err)
		}
		s.routes = append(s.routes, r)
	}
	return s, nil
}

func newRoute(spec *config.Route, i int, pools map[string]*config.Pool) (*route, error) {
	r := &route{
		spec: *spec, name: spec.Name,
		retry: newRetry(spec.Retry), limit: newLimit(spec.Limit),
		timeout: max(spec.Timeout.Or(15*time.Second), 0),
		request: newEdit(spec.SetRequestHeaders, spec.RemoveRequestHeaders),
		answer:  newEdit(spec.SetResponseHeaders, spec.RemoveResponseHeaders),
		sticky:  newSticky(spec.Sticky), key: newKey(spec.Key), stats: &routeStats{},
	}
	if r.name == "" {
		r.name = fmt.Sprint(i)
	}
	r.hedge, r.store = newHedge(spec.Hedge), newStore(spec.Cache)
	if spec.Tee != nil || spec.Scatter != nil {
		return nil, errors.New("this plane does not serve tee and scatter yet")
	}
	var names []string
	var weights []int
	for _, a := range spec.Arms {
		weight := a.Weight
		if weight == 0 {
			weight = 1
		}
		names, weights = append(names, a.Pool), append(weights, weight)
		r.arms = append(r.arms, arm{name: a.Pool})
	}
	r.split = balance.NewSplit(names, weights)
	r.far = needsFar(spec, pools)
	return r, nil
}

// needsFar reports that the loop does not do what a route asks for.
func needsFar(spec *config.Route, pools map[string]*config.Pool) bool {
	if spec.Tee != nil || spec.Cache != nil || spec.Hedge != nil || spec.Scatter != nil {
		return true
	}
	for _, a := range spec.Arms {
		if p := pools[a.Pool]; p.TLS != nil || p.HTTP2 {
			return true
		}
	}
	return false
}

// join finds the pools, once they are what the document says.
func (s *site) join(pools *balance.Pools) {
	for _, r := range s.routes {
		for i := range r.arms {
			r.arms[i].pool = pools.Get(r.arms[i].name)
		}
	}
}

// inherit takes over counters, budgets, credits and stored answers from the
// site before, where the document asks for the same.
func (s *site) inherit(old *site) {
	if old == nil {
		return
	}
	if s.limit != nil && old.limit != nil && s.limit.spec == old.limit.spec {
		s.limit = old.limit
	}
	for _, r := range s.routes {
		i := slices.IndexFunc(old.routes, func(o *route) bool { return o.name == r.name })
		if i < 0 {
			continue
		}
		o := old.routes[i]
		r.stats = o.stats
		if r.limit != nil && o.limit != nil && r.limit.spec == o.limit.spec {
			r.limit = o.limit
		}
		if r.retry != nil && o.retry != nil && reflect.DeepEqual(r.retry.spec, o.retry.spec) {
			r.retry = o.retry
		}
		if r.store != nil && o.store != nil && reflect.DeepEqual(r.store.spec, o.store.spec) {
			r.store = o.store
		}
		if r.hedge != nil && o.hedge != nil && r.hedge.spec == o.hedge.spec {
			r.hedge = o.hedge
		}
	}
}

// match finds the route of a request. Nil: none.
func (s *site) match(m *message) *route {
	for _, r := range s.routes {
		if matches(r.spec.Match, m) {
			return r
		}
	}
	return nil
}

func matches(m *config.Match, q *message) bool {
	if m == nil {
		return true
	}
	if m.Path != "" && !matchesPath(m.Path, q.path()) || m.Host != "" && !matchesHost(m.Host, q.host()) {
		return false
	}
	if len(m.Methods) > 0 && !slices.Contains(m.Methods, string(q.method())) {
		return false
	}
	for name, want := range m.Headers {
		got, ok := q.header(strings.ToLower(name))
		if !ok || want != "*" && string(got) != want {
			return false
		}
	}
	return true
}

func matchesPath(want string, path []byte) bool {
	if exact, ok := strings.CutPrefix(want, "="); ok {
		return string(path) == exact
	}
	want = strings.TrimSuffix(want, "/")
	return len(path) >= len(want) && string(path[:len(want)]) == want && (len(path) == len(want) || path[len(want)] == '/')
}

func matchesHost(want string, host []byte) bool {
	host = bytes.TrimSuffix(bareHost(host), []byte("."))
	want = strings.ToLower(want)
	if below, ok := strings.CutPrefix(want, "*"); ok {
		return len(host) > len(below) && http1.EqualFold(host[len(host)-len(below):], below)
	}
	return http1.EqualFold(host, want)
}

// bareHost cuts the port off.
func bareHost(host []byte) []byte {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}
