package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"nagi.dev/bus"
)

// Handler answers with the log as HTTP and JSON, for people and scripts. A
// slash in a queue's name is written %2F.
//
//	GET  /v1/queues                     names
//	PUT  /v1/queues/Q                   bus.Config
//	GET  /v1/queues/Q                   counts
//	POST /v1/queues/Q/items             {"items": [{"body": …, "id", "priority", "delay": "5s"}]}
//	GET  /v1/queues/Q/items             ?state=ready|delayed|leased|dead|any &from= &most=
//	GET  /v1/queues/Q/results           ?from= &most=
//	POST /v1/queues/Q/lease             {"most": 1, "for": "60s", "wait": "10s", "owner": …}
//	POST /v1/queues/Q/settle            {"verdicts": [{"number", "token", "act": "done", …}]}
//	POST /v1/queues/Q/cancel, retry     {"numbers": […]}
//	POST /v1/queues/Q/truncate          {"before": N}
//
// A body that is text goes as "body", any other as base64 in "data".
func Handler(log bus.Log) http.Handler {
	h := &handler{log: log, mux: http.NewServeMux()}
	for pattern, f := range map[string]func(*http.Request) (any, error){
		"GET /v1/queues":                   h.queues,
		"PUT /v1/queues/{queue}":           h.configure,
		"GET /v1/queues/{queue}":           h.count,
		"POST /v1/queues/{queue}/items":    h.append,
		"GET /v1/queues/{queue}/items":     h.items,
		"GET /v1/queues/{queue}/results":   h.results,
		"POST /v1/queues/{queue}/lease":    h.lease,
		"POST /v1/queues/{queue}/settle":   h.settle,
		"POST /v1/queues/{queue}/{change}": h.change,
	} {
		h.mux.HandleFunc(pattern, respond(f))
	}
	return h.mux
}

type handler struct {
	log bus.Log
	mux *http.ServeMux
}

// mostJSON bounds what a request may carry; base64 makes a body a third longer.
const mostJSON = 2 * bus.HighestItem

// respond runs f and writes what it returns, or its error with a status that
// says whose fault it is.
func respond(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, mostJSON)
		out, err := f(r)
		status := http.StatusOK
		if err != nil {
			status, out = statusOf(err), map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(out) // the client is gone if it fails
	}
}

func statusOf(err error) int {
	for _, s := range []struct {
		cause  error
		status int
	}{
		{bus.ErrNoQueue, http.StatusNotFound},
		{bus.ErrInvalid, http.StatusBadRequest},
		{bus.ErrStale, http.StatusConflict},
		{bus.ErrFull, http.StatusInsufficientStorage},
		{bus.ErrDrained, http.StatusConflict},
		{bus.ErrClosed, http.StatusServiceUnavailable},
		{bus.ErrBroken, http.StatusServiceUnavailable},
	} {
		if errors.Is(err, s.cause) {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

// read decodes a request's body strictly.
func read(r *http.Request, to any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("read the request: %w: %w", bus.ErrInvalid, err)
	}
	return nil
}

func (h *handler) queues(r *http.Request) (any, error) {
	names, err := h.log.Queues(r.Context())
	return map[string]any{"queues": names}, err
}

func (h *handler) configure(r *http.Request) (any, error) {
	var c bus.Config
	if err := read(r, &c); err != nil {
		return nil, err
	}
	return struct{}{}, h.log.Configure(r.Context(), r.PathValue("queue"), c)
}

func (h *handler) count(r *http.Request) (any, error) {
	c, err := h.log.Count(r.Context(), r.PathValue("queue"))
	return map[string]any{
		"ready": c.Ready, "delayed": c.Delayed, "leased": c.Leased, "dead": c.Dead, "bytes": c.Bytes,
		"appended": c.Appended, "completed": c.Completed, "cancelled": c.Cancelled, "failed": c.Failed,
	}, err
}

func (h *handler) append(r *http.Request) (any, error) {
	var in struct {
		Items []jsonEntry `json:"items"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	var entries []bus.Entry
	for _, e := range in.Items {
		entries = append(entries, e.entry())
	}
	numbers, err := h.log.Append(r.Context(), r.PathValue("queue"), entries)
	return map[string]any{"numbers": numbers}, err
}

// states are the words of the query; "any" reads all that is kept.
var states = map[string]bus.State{"ready": bus.Ready, "delayed": bus.Delayed, "leased": bus.Leased, "dead": bus.Dead}

func (h *handler) items(r *http.Request) (any, error) {
	from, most, err := span(r)
	if err != nil {
		return nil, err
	}
	queue, word := r.PathValue("queue"), r.URL.Query().Get("state")
	var items []bus.Item
	if s, ok := states[word]; ok {
		items, err = h.log.Peek(r.Context(), queue, s, from, most)
	} else if word == "any" || word == "" {
		items, err = h.log.Read(r.Context(), queue, from, most)
	} else {
		err = fmt.Errorf("state %q; there are ready, delayed, leased, dead, any: %w", word, bus.ErrInvalid)
	}
	return jsonItems(items), err
}

func (h *handler) results(r *http.Request) (any, error) {
	from, most, err := span(r)
	if err != nil {
		return nil, err
	}
	results, err := h.log.Results(r.Context(), r.PathValue("queue"), from, most)
	return jsonResults(results), err
}

// span reads from and most; without most it is 100.
func span(r *http.Request) (from uint64, most int, err error) {
	q := r.URL.Query()
	most = 100
	if s := q.Get("from"); s != "" {
		from, err = strconv.ParseUint(s, 10, 64)
	}
	if s := q.Get("most"); s != "" && err == nil {
		most, err = strconv.Atoi(s)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", bus.ErrInvalid, err)
	}
	return from, most, err
}

func (h *handler) lease(r *http.Request) (any, error) {
	var in struct {
		Most  int      `json:"most"`
		For   duration `json:"for"`
		Wait  duration `json:"wait"`
		Owner string   `json:"owner"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	w := bus.Want{Most: in.Most, For: time.Duration(in.For), Wait: min(time.Duration(in.Wait), time.Minute), Owner: in.Owner}
	items, err := h.log.Lease(r.Context(), r.PathValue("queue"), w)
	return jsonItems(items), err
}

func (h *handler) settle(r *http.Request) (any, error) {
	var in struct {
		Verdicts []jsonVerdict `json:"verdicts"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	var verdicts []bus.Verdict
	for i, v := range in.Verdicts {
		one, err := v.verdict()
		if err != nil {
			return nil, fmt.Errorf("verdict %d: %w", i, err)
		}
		verdicts = append(verdicts, one)
	}
	errs, err := h.log.Settle(r.Context(), r.PathValue("queue"), verdicts)
	texts := make([]string, len(errs)) // "": recorded
	for i, e := range errs {
		if e != nil {
			texts[i] = e.Error()
		}
	}
	return map[string]any{"errors": texts}, err
}

func (h *handler) change(r *http.Request) (any, error) {
	var in struct {
		Numbers []uint64 `json:"numbers"`
		Before  uint64   `json:"before"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	queue := r.PathValue("queue")
	var do func(context.Context, string, []uint64) (int, error)
	switch word := r.PathValue("change"); word {
	case "truncate":
		return struct{}{}, h.log.Truncate(r.Context(), queue, in.Before)
	case "cancel":
		do = h.log.Cancel
	case "retry":
		do = h.log.Retry
	default:
		return nil, fmt.Errorf("%q is nothing that can be done to a queue: %w", word, bus.ErrInvalid)
	}
	n, err := do(r.Context(), queue, in.Numbers)
	return map[string]int{"count": n}, err
}
