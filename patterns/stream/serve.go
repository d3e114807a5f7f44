package stream

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// heartbeat is a comment: whoever reads lines of JSON skips it.
const heartbeat = "# alive\n"

// slowest is how long a plane may take to read one line.
const slowest = 10 * time.Second

// Handle adds the stream's path to mux.
func (h *Hub) Handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/planes/{namespace}/{kind}/{name}", h.serve)
}

func (h *Hub) serve(w http.ResponseWriter, r *http.Request) {
	k := Key{Namespace: r.PathValue("namespace"), Kind: r.PathValue("kind"), Name: r.PathValue("name")}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		http.Error(w, "show a token of a ServiceAccount", http.StatusUnauthorized)
		return
	}
	namespace, pod, err := h.o.Review(r.Context(), token)
	switch {
	case errors.Is(err, ErrToken):
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	case err != nil:
		h.o.Log.Debug("review a plane", "err", err)
		http.Error(w, "the API server does not answer; try again later", http.StatusServiceUnavailable)
		return
	case namespace != k.Namespace:
		http.Error(w, "this is a document of another namespace", http.StatusForbidden)
		return
	}
	p, err := h.enter(k, pod)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer h.leave(k, p)
	h.send(w, r, k, p)
}

// send writes documents and heartbeats until the plane goes or its time is up.
func (h *Hub) send(w http.ResponseWriter, r *http.Request, k Key, p *plane) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := http.NewResponseController(w)
	beat := time.NewTicker(h.o.Heartbeat)
	defer beat.Stop()
	// Planes that came together do not go together.
	over := time.NewTimer(h.o.Longest - time.Duration(rand.Int64N(int64(h.o.Longest/4))))
	defer over.Stop()
	text := []byte(heartbeat)
	for {
		line, changed := h.next(k, p)
		if line != nil {
			text = line
		}
		if text != nil {
			_ = out.SetWriteDeadline(time.Now().Add(slowest)) // a recorder of tests has none
			if _, err := w.Write(text); err != nil || out.Flush() != nil {
				return
			}
		}
		text = nil
		select {
		case <-r.Context().Done():
			return
		case <-over.C:
			return
		case <-changed:
		case <-beat.C:
			text = []byte(heartbeat)
		}
	}
}
