package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"nagi.dev/plane/balance"
)

var errLate = errors.New("the endpoint did not answer in time")

// layers are the policies around one request, the outermost first: cache,
// tee, hedge, retry, an endpoint.
type layers struct{ f *far }

// RoundTrip sends a request through all layers of its route.
func (l layers) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callOf(req.Context())
	if c.route.store != nil {
		return l.f.cached(req, c)
	}
	return l.f.beyond(req, c)
}

// beyond is what follows the cache.
func (f *far) beyond(req *http.Request, c *call) (*http.Response, error) {
	a := f.newAsk(req, c.route, c)
	if c.route.tee != nil {
		return f.teed(c, a)
	}
	return a.hedged()
}

// An ask is a request to a pool, with as many attempts as the policies allow.
type ask struct {
	f       *far
	c       *call
	route   *route
	pool    *balance.Pool
	timeout time.Duration // of one answer's head; 0: none
	home    balance.Sticky
	key     []byte
	req     *http.Request
	body    []byte // of the request, when it is replayable
	again   bool   // it may be sent twice: the body is held, and the method is idempotent or the policy says so
	held    bool
	hedge   *hedge
	retry   *retry

	mu    sync.Mutex // guards tried
	tried []*balance.Endpoint
}

func (f *far) newAsk(req *http.Request, r *route, c *call) *ask {
	a := &ask{f: f, c: c, route: r, pool: r.arms[c.arm].pool, timeout: r.arms[c.arm].timeout, home: c.home, key: c.key, req: req, hedge: r.hedge, retry: r.retry}
	a.hold()
	if a.retry != nil {
		a.retry.budget.Request()
	}
	return a
}

// hold keeps a small body for another try. A body of unknown length streams.
func (a *ask) hold() {
	safe := idempotent([]byte(a.req.Method)) || a.retry != nil && a.retry.spec.Unsafe
	switch n := a.req.ContentLength; {
	case a.req.Body == nil || a.req.Body == http.NoBody || n == 0:
		a.held = true
	case n > 0 && n <= maxReplay && (a.retry != nil || a.hedge != nil || a.route.tee != nil):
		b := make([]byte, n)
		if _, err := io.ReadFull(a.req.Body, b); err != nil {
			a.req.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b), fault{err}))
			return
		}
		a.body, a.held = b, true
	}
	a.again = safe && a.held
}

// A fault is a reader that fails.
type fault struct{ error }

func (f fault) Read([]byte) (int, error) { return 0, f.error }

// hedged asks a second endpoint when the first is slow.
func (a *ask) hedged() (*http.Response, error) {
	h := a.hedge
	if h == nil || !a.again {
		return a.retried()
	}
	h.budget.Request()
	ctx, cancel := context.WithCancel(a.req.Context())
	began := time.Now()
	results := make(chan result, 2)
	try := func() {
		resp, err := a.with(ctx).retried() //nolint:bodyclose // who takes the result closes it
		results <- result{resp, err}
	}
	go try()
	running := 1
	timer := time.NewTimer(h.delay())
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if !h.budget.Take(time.Now()) {
				timer.Reset(h.delay()/4 + time.Millisecond) // who still waits then is slower than most
				continue
			}
			running++
			a.route.stats.hedges.add()
			go try()
			continue
		case r := <-results:
			running--
			if r.err != nil && running > 0 {
				continue
			}
			if r.err != nil {
				cancel()
				return nil, r.err
			}
			h.seen.Add(time.Since(began))
			discard(results, running)
			r.resp.Body = &closer{ReadCloser: r.resp.Body, then: cancel}
			return r.resp, nil
		}
	}
}

type result struct {
	resp *http.Response
	err  error
}

// discard ends the answers that came too late.
func discard(results chan result, n int) {
	if n == 0 {
		return
	}
	go func() {
		for range n {
			if r := <-results; r.resp != nil {
				_ = r.resp.Body.Close()
			}
		}
	}()
}

// with is the same ask under another context; what was tried is shared.
func (a *ask) with(ctx context.Context) *attempts { return &attempts{ask: a, ctx: ctx} }

func (a *ask) retried() (*http.Response, error) { return a.with(a.req.Context()).retried() }

// attempts are tries one after the other.
type attempts struct {
	*ask
	ctx context.Context
}

func (t *attempts) retried() (*http.Response, error) {
	for n := 0; ; n++ {
		sent := &sentBody{}
		resp, err := t.once(sent)
		if !t.worth(resp, err, n, sent) {
			return resp, err
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		t.route.stats.retries.add()
	}
}

// worth reports whether another try is due, and takes it from the budget.
func (t *attempts) worth(resp *http.Response, err error, n int, sent *sentBody) bool {
	r := t.retry
	if r == nil || n >= r.attempts || t.ctx.Err() != nil {
		return false
	}
	if _, refused := errors.AsType[balance.Refusal](err); refused {
		return false
	}
	var wanted, begun bool
	switch {
	case err == nil:
		wanted, begun = r.status[resp.StatusCode], true
	case isConnect(err):
		wanted = r.connect
	case errors.Is(err, errLate):
		wanted, begun = r.timeout, true
	default:
		wanted, begun = r.reset, true
	}
	if !wanted || begun && !t.again || !t.held && sent.read {
		return false
	}
	return r.budget.Take(time.Now())
}

// once asks one endpoint.
func (t *attempts) once(sent *sentBody) (*http.Response, error) {
	t.mu.Lock()
	ep, err := t.pool.Pick(balance.Ask{Now: time.Now(), Chance: t.f.s.ask.Chance, Key: t.key, Sticky: t.home, Tried: t.tried, Read: reads(t.req.Method)})
	if err == nil {
		t.tried = append(t.tried, ep)
	}
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ctx, cancel := context.WithCancelCause(context.WithValue(t.ctx, endpointKey{}, ep))
	req := t.req.Clone(ctx)
	t.fill(req, sent)
	timer := time.AfterFunc(forever, func() { cancel(errLate) })
	if d := t.timeout; d > 0 {
		sent.done = func() { timer.Reset(d) }
		if req.Body == nil || req.Body == http.NoBody {
			sent.done()
		}
	}
	resp, err := t.f.transport(t.pool.Name()).roundTrip(req, ep.Address)
	timer.Stop()
	if err != nil {
		if context.Cause(ctx) == errLate { //nolint:errorlint // it is that very one
			err = errLate
		}
		o := balance.Failed
		if t.ctx.Err() != nil {
			o = balance.Neutral
		}
		t.pool.Done(ep, o, time.Since(began), time.Now())
		cancel(nil)
		return nil, err
	}
	t.answered(resp, ep, began, func() { cancel(nil) })
	return resp, nil
}

// endpointKey is where an answer's request says who answered.
type endpointKey struct{}

const forever = 1000000 * time.Hour

// answered keeps the books of an answer until its body has ended.
func (t *attempts) answered(resp *http.Response, ep *balance.Endpoint, began time.Time, end func()) {
	o := balance.Good
	if resp.StatusCode >= 502 && resp.StatusCode <= 504 {
		o = balance.Failed
	}
	done := sync.OnceFunc(func() {
		t.pool.Done(ep, o, time.Since(began), time.Now())
		end()
	})
	if rw, ok := resp.Body.(io.ReadWriteCloser); ok && resp.StatusCode == 101 {
		resp.Body = &duplex{rw, done}
		return
	}
	resp.Body = &closer{ReadCloser: resp.Body, then: done}
}

// fill gives a request its body.
func (a *ask) fill(req *http.Request, sent *sentBody) {
	switch {
	case a.body != nil:
		sent.ReadCloser = io.NopCloser(bytes.NewReader(a.body))
	case a.held:
		req.Body = nil
		return
	default:
		sent.ReadCloser = io.NopCloser(a.req.Body)
	}
	req.Body = sent
}

// A sentBody knows whether it was read, and when it ends.
type sentBody struct {
	io.ReadCloser
	read bool
	done func()
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.read = true
	n, err := b.ReadCloser.Read(p)
	if err != nil && b.done != nil {
		b.done()
	}
	return n, err
}

// A closer does something once its body is closed.
type closer struct {
	io.ReadCloser
	then func()
}

func (c *closer) Close() error {
	err := c.ReadCloser.Close()
	c.then()
	return err
}

// A duplex is the same for a protocol that has changed.
type duplex struct {
	io.ReadWriteCloser
	then func()
}

func (d *duplex) Close() error {
	err := d.ReadWriteCloser.Close()
	d.then()
	return err
}
