package cli

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A reading is what is known of one container whose log is followed.
type reading struct {
	run  time.Time // start of the run that was read last
	open bool      // a stream is open
	last time.Time // of the last line printed
}

// An ending tells that the stream of a container is at its end.
type ending struct {
	key  string
	last time.Time
}

// follow prints what comes until ctx ends: of pods that come later, of
// containers that restart, and through a restart of the API server.
func (r *logReader) follow(ctx context.Context) error {
	readings := map[string]*reading{}
	ended := make(chan ending)
	look := time.NewTicker(r.every)
	defer look.Stop()
	for {
		sources, err := r.sources(ctx)
		if err != nil && len(readings) == 0 {
			return err
		}
		for _, s := range sources {
			r.ensure(ctx, s, readings, ended)
		}
		select {
		case e := <-ended:
			readings[e.key].open, readings[e.key].last = false, e.last
			if !pause(ctx, look.C) {
				return nil
			}
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// pause waits for the next look; false when ctx ended.
func pause(ctx context.Context, next <-chan time.Time) bool {
	select {
	case <-next:
		return true
	case <-ctx.Done():
		return false
	}
}

// ensure opens a stream for s unless one is open, or all of it has been read.
func (r *logReader) ensure(ctx context.Context, s source, readings map[string]*reading, ended chan<- ending) {
	key := s.pod + "/" + s.container
	known := readings[key]
	if known == nil {
		known = &reading{}
		readings[key] = known
	}
	if known.open || (!s.running && !s.started.After(known.run)) {
		return
	}
	known.run, known.open = s.started, true
	last := known.last
	go func() {
		e := ending{key: key, last: r.pour(ctx, s, last)}
		select {
		case ended <- e:
		case <-ctx.Done():
		}
	}()
}

// pour prints one stream after the time last, and returns that of the
// last line it printed.
func (r *logReader) pour(ctx context.Context, s source, last time.Time) time.Time {
	body, err := r.open(ctx, s, r.resume(s, last))
	if err != nil {
		return last // the next look tries again
	}
	defer body.Close() //nolint:errcheck // only read
	l := newStream(s, body)
	for fresh := last.IsZero(); l.next(); {
		if !fresh && !l.at.After(last) {
			continue // the API counts whole seconds: some lines come twice
		}
		fresh, last = true, l.at
		r.out.line(s, l.stamp, l.text)
	}
	return last
}

// resume asks for what follows the time last.
func (r *logReader) resume(s source, last time.Time) *corev1.PodLogOptions {
	o := r.ask.options(s.container)
	o.Follow = true
	if !last.IsZero() {
		t := metav1.NewTime(last)
		o.TailLines, o.SinceTime = nil, &t
	}
	return o
}
