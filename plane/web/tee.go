package web

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
	"nagi.dev/plane/differ"
)

// A tee is a config.Tee with what it has seen.
type tee struct {
	spec    config.Tee
	pool    *balance.Pool
	timeout time.Duration
	rules   *differ.Rules
	max     int64
	room    chan struct{} // copies in flight

	sent, dropped, failed, compared, differed counter

	mu      sync.Mutex // guards samples
	samples []Sample   // the newest last
}

// maxCopies bounds the copies in flight: a slow second pool must cost the
// first one's clients nothing.
const maxCopies = 128

// A Sample is a request whose answers differed.
type Sample struct {
	At          time.Time           `json:"at"`
	Route       string              `json:"route"`
	Method      string              `json:"method"`
	Target      string              `json:"target"`
	Host        string              `json:"host"`
	Differences []differ.Difference `json:"differences"`
}

func newTee(r *config.Route, pools map[string]*config.Pool) (*tee, error) {
	spec := r.Tee
	if spec == nil {
		return nil, nil //nolint:nilnil // none
	}
	rules, err := differ.NewRules(spec.IgnoreHeaders, spec.IgnorePaths)
	if err != nil {
		return nil, err
	}
	return &tee{timeout: timeoutOf(r, pools[spec.Pool]), spec: *spec, rules: rules, max: cmp.Or(spec.MaxBody, 64<<10), room: make(chan struct{}, maxCopies)}, nil
}

// teed sends a copy of a request to the second pool, beside the first. Only a
// request whose body is held can be sent twice.
func (f *far) teed(c *call, a *ask) (*http.Response, error) {
	t := c.route.tee
	percent := cmp.Or(t.spec.Percent, 100)
	if rand.Float64()*100 >= percent {
		return a.hedged()
	}
	if !a.held || a.req.Header.Get("Upgrade") != "" {
		t.dropped.add()
		return a.hedged()
	}
	select {
	case t.room <- struct{}{}:
	default:
		t.dropped.add()
		return a.hedged()
	}
	t.sent.add()
	one := make(chan *differ.Answer, 1)
	go t.second(f, c, a, one)
	resp, err := a.hedged()
	if err != nil || resp.StatusCode == http.StatusSwitchingProtocols {
		one <- nil
		return resp, err
	}
	resp.Body = &listener{ReadCloser: resp.Body, max: t.max, a: &differ.Answer{Status: resp.StatusCode, Header: resp.Header.Clone()}, tell: one}
	return resp, nil
}

// second asks the second pool and compares. The client's going away does not
// end it; the route's timeout does.
func (t *tee) second(f *far, c *call, a *ask, one <-chan *differ.Answer) {
	defer func() { <-t.room }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.req.Context()), max(t.timeout, 15*time.Second))
	defer cancel()
	req := a.req.Clone(ctx)
	req.Header.Set("X-Nagi-Tee", "copy")
	b := &ask{f: f, route: c.route, pool: t.pool, timeout: t.timeout, key: c.key, req: req, body: a.body, held: true}
	resp, err := b.retried()
	if err != nil {
		t.failed.add()
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, t.max+1))
	if err != nil {
		t.failed.add()
		return
	}
	if !t.spec.Compare {
		return
	}
	other := &differ.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body[:min(int64(len(body)), t.max)], Cut: int64(len(body)) > t.max}
	select {
	case first := <-one:
		if first != nil {
			t.compare(c, req, first, other)
		}
	case <-ctx.Done():
	}
}

func (t *tee) compare(c *call, req *http.Request, one, other *differ.Answer) {
	t.compared.add()
	d := t.rules.Compare(one, other)
	if len(d) == 0 {
		return
	}
	t.differed.add()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples = append(t.samples, Sample{At: time.Now(), Route: c.route.name, Method: req.Method, Target: req.URL.RequestURI(), Host: req.Host, Differences: d})
	if n := len(t.samples) - cmp.Or(t.spec.Samples, 32); n > 0 {
		t.samples = append(t.samples[:0], t.samples[n:]...)
	}
}

// A listener copies the beginning of a body that passes, and tells of it at
// the end. A body that breaks off is not compared.
type listener struct {
	io.ReadCloser
	a    *differ.Answer
	buf  bytes.Buffer
	max  int64
	tell chan<- *differ.Answer
	once sync.Once
}

func (l *listener) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	room := int(l.max) - l.buf.Len()
	l.buf.Write(p[:min(n, room)])
	if n > room {
		l.a.Cut = true
	}
	if err == io.EOF {
		l.end(true)
	}
	return n, err
}

func (l *listener) Close() error {
	l.end(false)
	return l.ReadCloser.Close()
}

func (l *listener) end(whole bool) {
	l.once.Do(func() {
		if !whole {
			l.tell <- nil
			return
		}
		l.a.Body = bytes.Clone(l.buf.Bytes())
		l.tell <- l.a
	})
}

// Report is what /differences shows of a route.
type Report struct {
	Sent     uint64   `json:"sent"`
	Dropped  uint64   `json:"dropped"` // too many copies at once, or a body too large to send twice
	Failed   uint64   `json:"failed"`  // the second pool did not answer
	Compared uint64   `json:"compared"`
	Differed uint64   `json:"differed"`
	Samples  []Sample `json:"samples"`
}

func (t *tee) report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Report{t.sent.get(), t.dropped.get(), t.failed.get(), t.compared.get(), t.differed.get(), append([]Sample{}, t.samples...)}
}

// Show is asked by the local endpoint; it knows "differences".
func (s *Service) Show(name string) any {
	site := s.site.Load()
	if name != "differences" || site == nil {
		return nil
	}
	all := map[string]Report{}
	for _, r := range site.routes {
		if r.tee != nil {
			all[r.name] = r.tee.report()
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
