package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// A feed is what one pod has been given.
type feed struct {
	run   string    // of its container; gate: before the first
	seq   int       // of the service, when it was given all
	again time.Time // not to be tried before: the last time failed
}

// gate stands for a container that is held back. What comes through its gate
// stays in the pod.
const gate = "gate"

// retry is when a pod that did not take its files is tried again.
const retry = 5 * time.Second

// feedNew brings all that changed to pods that came meanwhile, to containers
// that were started again, and to those that could not take it before.
func (w *watch) feedNew(ctx context.Context) {
	all, err := w.Pods.Pods(ctx)
	if err != nil {
		return // a server that restarts; a change would tell
	}
	known := map[string]feed{}
	for _, p := range all {
		has := w.fed[p.UID]
		switch {
		case w.hungry(p, has):
			has = w.feed(ctx, p, has)
		case has.run == "" && p.run() != "" && len(w.dirty[p.Service]) == 0:
			has = feed{run: p.run()} // nothing has changed yet: it has all
		}
		known[p.UID] = has
	}
	w.fed = known
}

// run names what of a pod takes files now; "": nothing.
func (p Pod) run() string {
	if p.Gate {
		return gate
	}
	return p.Running
}

// hungry tells whether a pod lacks something that it can take now.
func (w *watch) hungry(p Pod, has feed) bool {
	run := p.run()
	if run == "" || time.Now().Before(has.again) {
		return false
	}
	if has.run == "" && len(w.dirty[p.Service]) == 0 {
		return p.Gate
	}
	return has.seq < w.seq[p.Service] || has.run != run && has.run != gate
}

// feed gives a pod all that has changed.
func (w *watch) feed(ctx context.Context, p Pod, has feed) feed {
	files := w.dirty[p.Service]
	if err := w.give(ctx, p, files); err != nil {
		w.fault(fmt.Errorf("%s: %w", p.Name, err))
		has.again = time.Now().Add(retry)
		return has
	}
	if len(files) > 0 {
		w.Say("%s: %s, in %s", p.Service, changed(files), p.Name)
	}
	return feed{run: p.run(), seq: w.seq[p.Service]}
}

// give sends files to one pod. They are read while they go: nothing holds all
// of them.
func (w *watch) give(ctx context.Context, p Pod, files []File) error {
	r, in := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(in, files, func(name string) bool {
			return slices.ContainsFunc(w.rules, func(r rule) bool { return r.Service == p.Service && r.Target != "" && r.covers(name) })
		})
		packed <- err
		in.CloseWithError(err)
	}()
	err := w.Pods.Receive(ctx, p, r)
	r.CloseWithError(errors.New("the pod stopped listening"))
	return errors.Join(err, nilIfPipe(<-packed, err))
}

// nilIfPipe drops the echo of the other side's error.
func nilIfPipe(packed, received error) error {
	if received != nil {
		return nil
	}
	return packed
}
