package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nagi.dev/internal/graft"
	"nagi.dev/plane/config"
)

// A Key names a document: that of an object, its kind in lower case.
type Key struct{ Namespace, Kind, Name string }

func (k Key) String() string { return k.Kind + " " + k.Namespace + "/" + k.Name }

// Path is where the door serves the document of k.
func (k Key) Path() string { return "/v1/planes/" + k.Namespace + "/" + k.Kind + "/" + k.Name }

// Options of a Hub. Review is required.
type Options struct {
	// Review returns the namespace of the ServiceAccount that a token stands for,
	// and its pod. It wraps ErrToken when the token is not valid.
	Review func(ctx context.Context, token string) (namespace, pod string, err error)

	Log       *slog.Logger  // nil: slog.Default
	Heartbeat time.Duration // 0: 15s
	Longest   time.Duration // of one stream, so that its token is reviewed again; 0: 1h
	Most      int           // streams at once; 0: 4096
	MostOf    int           // streams of one namespace; 0: 1024
}

// ErrToken means that whoever asks is nobody.
var ErrToken = errors.New("the token is not valid")

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.Longest == 0 {
		o.Longest = time.Hour
	}
	if o.Most == 0 {
		o.Most = 4096
	}
	if o.MostOf == 0 {
		o.MostOf = 1024
	}
	return o
}

// A Hub holds documents. Its methods may be called from any goroutine.
type Hub struct {
	o Options

	mu        sync.Mutex // guards the rest
	documents map[Key]*document
	streams   map[string]int // of each namespace
	all       int            // streams
}

// A document as it stands, and who waits for its change.
type document struct {
	line    []byte        // JSON and a line break; nil: not published yet
	version string        // a hash of it
	changed chan struct{} // closed when line changes
	planes  map[*plane]bool
}

// A plane is one open stream.
type plane struct{ pod, version string }

// New returns a Hub without documents.
func New(o Options) *Hub {
	return &Hub{o: o.withDefaults(), documents: map[Key]*document{}, streams: map[string]int{}}
}

// at returns the document of k, made when it is not there. Call with mu held.
func (h *Hub) at(k Key) *document {
	d := h.documents[k]
	if d == nil {
		d = &document{changed: make(chan struct{}), planes: map[*plane]bool{}}
		h.documents[k] = d
	}
	return d
}

// Publish makes c the document of k. It returns its version, and refuses one
// that no plane would take.
func (h *Hub) Publish(k Key, c *config.Config) (string, error) {
	if err := c.Validate(); err != nil {
		return "", fmt.Errorf("publish document of %s: %w", k, err)
	}
	out := *c
	out.Version = ""
	out.Version = graft.Hash(out)
	b, err := json.Marshal(out)
	if err != nil {
		return "", fmt.Errorf("publish document of %s: %w", k, err)
	}
	if len(b) > config.MaxSize {
		return "", fmt.Errorf("publish document of %s: its %d bytes are more than %d", k, len(b), config.MaxSize)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.at(k)
	if d.version != out.Version {
		d.line, d.version = append(b, '\n'), out.Version
		close(d.changed)
		d.changed = make(chan struct{})
	}
	return out.Version, nil
}

// Forget drops the document of k. Planes that run it go on.
func (h *Hub) Forget(k Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.documents[k]; d != nil {
		d.line, d.version = nil, ""
		h.drop(k, d)
	}
}

// drop removes a document that nobody needs. Call with mu held.
func (h *Hub) drop(k Key, d *document) {
	if d.line == nil && len(d.planes) == 0 {
		delete(h.documents, k)
	}
}

// Planes counts the planes that follow the document of k, and those of them
// that were sent its present version.
func (h *Hub) Planes(k Key) (following, current int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.documents[k]
	if d == nil {
		return 0, 0
	}
	for p := range d.planes {
		if following++; p.version == d.version {
			current++
		}
	}
	return following, current
}

var errFull = errors.New("too many planes; try again later")

// enter counts a stream.
func (h *Hub) enter(k Key, pod string) (*plane, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all >= h.o.Most || h.streams[k.Namespace] >= h.o.MostOf {
		return nil, errFull
	}
	p := &plane{pod: pod}
	h.at(k).planes[p] = true
	h.all++
	h.streams[k.Namespace]++
	return p, nil
}

func (h *Hub) leave(k Key, p *plane) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.documents[k]
	delete(d.planes, p)
	h.drop(k, d)
	h.all--
	if h.streams[k.Namespace]--; h.streams[k.Namespace] == 0 {
		delete(h.streams, k.Namespace)
	}
}

// next returns the document of k if p was not sent it yet, and what tells of
// the next.
func (h *Hub) next(k Key, p *plane) (line []byte, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.documents[k]
	if d.line != nil && p.version != d.version {
		p.version = d.version
		line = d.line
	}
	return line, d.changed
}
