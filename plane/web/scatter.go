package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
	"nagi.dev/plane/gather"
	"nagi.dev/plane/wasm"
)

// A scatter is a config.Scatter ready to use.
type scatter struct {
	spec     config.Scatter
	deadline time.Duration
	max      int64
	pools    []*balance.Pool // by leaf
	timeouts []time.Duration
	merger   *gather.Merger
	module   *wasm.Module // nil: it merges otherwise
}

func newScatter(r *config.Route, pools map[string]*config.Pool, load func(file string) (*wasm.Module, error)) (*scatter, error) {
	spec := r.Scatter
	if spec == nil {
		return nil, nil //nolint:nilnil // none
	}
	m, err := gather.New(spec.Merge)
	if err != nil {
		return nil, err
	}
	var module *wasm.Module
	if spec.Merge.WASM != "" {
		if module, err = load(spec.Merge.WASM); err != nil {
			return nil, err
		}
	}
	var timeouts []time.Duration
	for _, l := range spec.Leaves {
		timeouts = append(timeouts, timeoutOf(r, pools[l.Pool]))
	}
	return &scatter{
		timeouts: timeouts, module: module,
		spec: *spec, deadline: spec.Deadline.Or(500 * time.Millisecond),
		max: cmp.Or(spec.MaxLeafBody, 4<<20), pools: make([]*balance.Pool, len(spec.Leaves)), merger: m,
	}, nil
}

// A reply is what a leaf answered in time.
type reply struct {
	leaf   int
	status int
	header http.Header
	body   []byte
	err    error
}

func (r *reply) ok() bool { return r != nil && r.err == nil && r.status >= 200 && r.status < 300 }

// scatter asks all leaves at once and merges what answers in time.
func (f *far) scatter(w http.ResponseWriter, req *http.Request, c *call) {
	s := c.route.scatter
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxReplay))
	if err != nil {
		status, reason := faultOf(err)
		say(w, status, reason, 0)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), s.deadline)
	defer cancel()
	replies := make([]*reply, len(s.pools))
	heard := make(chan *reply, len(s.pools))
	for i := range s.pools {
		go func() { heard <- f.leaf(ctx, req, c, i, body) }()
	}
	for waiting := len(s.pools); waiting > 0; waiting-- {
		select {
		case r := <-heard:
			replies[r.leaf] = r
			continue
		case <-ctx.Done():
		}
		break
	}
	if req.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	f.gathered(w, req, c, replies)
}

// leaf asks one leaf, hedged and tried again as the route says.
func (f *far) leaf(ctx context.Context, req *http.Request, c *call, i int, body []byte) *reply {
	s := c.route.scatter
	p := &httputil.ProxyRequest{In: req, Out: req.Clone(ctx)}
	dropHops(p.Out.Header)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
		p.Out.Header.Del(name)
	}
	f.rewrite(p)
	p.Out.RequestURI = ""
	a := &ask{f: f, route: c.route, pool: s.pools[i], timeout: s.timeouts[i], home: c.home, key: c.key, req: p.Out, hedge: c.route.hedge, retry: c.route.retry, held: true}
	if len(body) > 0 {
		a.body = body
	}
	a.again = idempotent([]byte(req.Method)) || a.retry != nil && a.retry.spec.Unsafe
	if a.retry != nil {
		a.retry.budget.Request()
	}
	resp, err := a.hedged()
	if err != nil {
		return &reply{leaf: i, err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, s.max+1))
	if err == nil && int64(len(b)) > s.max {
		err = errors.New("the answer is larger than " + strconv.FormatInt(s.max, 10) + " bytes")
	}
	return &reply{leaf: i, status: resp.StatusCode, header: resp.Header, body: b, err: err}
}

// gathered answers with what came. A refusal that is the request's own fault
// is passed on when no leaf found anything else.
func (f *far) gathered(w http.ResponseWriter, req *http.Request, c *call, replies []*reply) {
	s := c.route.scatter
	cover := gather.Cover(s.spec.Leaves, func(i int) bool { return replies[i].ok() })
	h := w.Header()
	h.Set("X-Nagi-Coverage", cover.String())
	c.route.stats.leaves.n.Add(uint64(cover.Leaves))
	c.route.stats.answered.n.Add(uint64(cover.Answered))
	c.route.answer.apply(h)
	if cover.Answered == 0 {
		for _, r := range replies {
			if r != nil && r.err == nil && r.status >= 400 && r.status < 500 {
				h.Set("Content-Type", r.header.Get("Content-Type"))
				w.WriteHeader(r.status)
				_, _ = w.Write(r.body)
				return
			}
		}
	}
	if cover.Answered == 0 || cover.Share < s.spec.MinCoverage {
		say(w, http.StatusServiceUnavailable, gather.ErrCoverage.Error()+": "+cover.String(), 0)
		return
	}
	if s.spec.Merge.URL != "" || s.module != nil {
		f.mergeElsewhere(w, req, c, replies, cover)
		return
	}
	var bodies [][]byte
	kind := ""
	for _, r := range replies {
		if r.ok() {
			bodies = append(bodies, r.body)
			kind = cmp.Or(kind, r.header.Get("Content-Type"))
		}
	}
	b, isJSON, err := s.merger.Merge(bodies)
	if err != nil {
		say(w, http.StatusBadGateway, "the answers cannot be merged: "+err.Error(), 0)
		return
	}
	if isJSON {
		kind = "application/json"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b)
}

// A leafAnswer is what a container that merges gets of each leaf.
type leafAnswer struct {
	Leaf   string          `json:"leaf"`
	Status int             `json:"status"`
	JSON   json.RawMessage `json:"json,omitempty"`
	Text   string          `json:"text,omitempty"` // what is not JSON
}

// mergeElsewhere lets a container or a module merge: it gets all answers, and
// what it answers is the client's.
func (f *far) mergeElsewhere(w http.ResponseWriter, req *http.Request, c *call, replies []*reply, cover gather.Coverage) {
	s := c.route.scatter
	in := struct {
		Coverage string       `json:"coverage"`
		Share    float64      `json:"share"`
		Answers  []leafAnswer `json:"answers"`
	}{Coverage: cover.String(), Share: cover.Share}
	for i, r := range replies {
		if !r.ok() {
			continue
		}
		a := leafAnswer{Leaf: s.spec.Leaves[i].Name, Status: r.status}
		if json.Valid(r.body) {
			a.JSON = r.body
		} else {
			a.Text = string(r.body)
		}
		in.Answers = append(in.Answers, a)
	}
	b, err := json.Marshal(in)
	if err != nil {
		say(w, http.StatusBadGateway, "the answers cannot be merged", 0)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), 15*time.Second)
	defer cancel()
	if s.module == nil {
		f.mergeAt(ctx, w, s.spec.Merge.URL, b)
		return
	}
	out, err := s.module.Run(ctx, b, len(s.pools)*int(s.max))
	if err != nil {
		f.s.log.Warn("merge answers", "route", c.route.name, "cause", err)
		say(w, http.StatusBadGateway, "the module that merges failed", 0)
		return
	}
	kind := "text/plain; charset=utf-8"
	if json.Valid(out) {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = w.Write(out)
}

// mergeAt asks a container.
func (f *far) mergeAt(ctx context.Context, w http.ResponseWriter, url string, b []byte) {
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		say(w, http.StatusBadGateway, "the merge has no URL that can be asked", 0)
		return
	}
	out.Header.Set("Content-Type", "application/json")
	resp, err := f.merges.RoundTrip(out)
	if err != nil {
		say(w, http.StatusBadGateway, "the merge did not answer", 0)
		return
	}
	defer resp.Body.Close()
	if v := resp.Header.Get("Content-Type"); v != "" {
		w.Header().Set("Content-Type", v)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}
