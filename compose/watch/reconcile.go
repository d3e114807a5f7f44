package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"nagi.dev/compose"
)

// A Pod is one that runs a service, or is about to.
type Pod struct {
	Name    string
	UID     string // no other pod, and no other service of the pod, has it
	Service string
	Running string // its container of the service as it runs now; "": it does not
	Gate    bool   // it waits for its changed files
	Gates   string // the container that does so then
}

// pods is all that watching asks of a cluster.
type pods interface {
	Pods(ctx context.Context) ([]Pod, error)

	// Receive gives a tar stream to a pod: behind its gate or into its container.
	Receive(ctx context.Context, p Pod, files io.Reader) error

	// Exec runs a command in the container of a pod and returns what it prints.
	Exec(ctx context.Context, p Pod, command []string) (string, error)

	// Restart makes the pods of a service anew.
	Restart(ctx context.Context, service string) error
}

// Options of a watch. All are required but Build.
type Options struct {
	Triggers []compose.Trigger
	Pods     pods
	Say      func(format string, args ...any)                // one line for a person
	Build    func(ctx context.Context, service string) error // nil: nothing can be built
}

// ErrNoBuild says that an image is to be built anew, which is not done here.
var ErrNoBuild = errors.New("its image is to be built anew, but the file has no build; build it elsewhere, bring it with nagi image import, and deploy again")

// look is how often new pods are looked for.
const look = 300 * time.Millisecond

// A watch is one run.
type watch struct {
	Options
	rules []rule
	dirty map[string][]File // service: what was changed or is to be there from the start
	seq   map[string]int    // service: how often dirty grew or changed
	fed   map[string]feed   // pod: what it has
	last  string            // fault told last
}

// Run watches until ctx ends. It fails only when the files cannot be watched
// at all.
func Run(ctx context.Context, o Options) error {
	rules, err := newRules(o.Triggers)
	if err != nil {
		return err
	}
	n, err := newNotifier(rules)
	if err != nil {
		return err
	}
	w := &watch{Options: o, rules: rules, dirty: map[string][]File{}, seq: map[string]int{}, fed: map[string]feed{}}
	for _, r := range rules {
		if r.InitialSync && r.Target != "" {
			w.soil(r.Service, []File{{r.Path, strings.TrimRight(r.Target, "/")}})
		}
	}
	changes := make(chan []string)
	faults := make(chan error)
	var notifying sync.WaitGroup
	notifying.Go(func() {
		n.run(ctx, changes, func(err error) {
			select {
			case faults <- err:
			case <-ctx.Done():
			}
		})
	})
	w.loop(ctx, changes, faults)
	notifying.Wait()
	return nil
}

func (w *watch) loop(ctx context.Context, changes <-chan []string, faults <-chan error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case batch := <-changes:
			for _, t := range decide(w.rules, batch) {
				w.do(ctx, t)
			}
		case err := <-faults:
			w.fault(err)
		case <-tick.C:
			w.feedNew(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// fault tells of an error, once as long as it stays the same.
func (w *watch) fault(err error) {
	if text := err.Error(); text != w.last {
		w.last = text
		w.Say("%s", text)
	}
}

// soil notes files that a new pod needs too.
func (w *watch) soil(service string, files []File) {
	if len(files) > 0 {
		w.seq[service]++
	}
	for _, f := range files {
		if !slices.Contains(w.dirty[service], f) {
			w.dirty[service] = append(w.dirty[service], f)
		}
	}
}

// do carries out what a few changes mean.
func (w *watch) do(ctx context.Context, t Task) {
	begun := time.Now()
	if t.Rebuild && w.build(ctx, t.Service) || t.Rebuild && !t.Restart && len(t.Files) == 0 {
		return
	}
	w.soil(t.Service, t.Files)
	if t.Restart {
		if err := w.Pods.Restart(ctx, t.Service); err != nil {
			w.fault(fmt.Errorf("%s: restart: %w", t.Service, err))
			return
		}
		w.Say("%s: %s, starts again", t.Service, changed(t.Files))
		return
	}
	all, err := w.Pods.Pods(ctx)
	if err != nil {
		w.fault(err) // the next look tries again
		return
	}
	n := w.each(all, t.Service, func(p Pod) error { return w.give(ctx, p, t.Files) }, func(p Pod, ok bool) {
		switch f := w.fed[p.UID]; {
		case !ok:
			w.fed[p.UID] = feed{again: time.Now().Add(retry)}
		case (f.run == p.Running || f.run == gate) && f.seq == w.seq[t.Service]-1:
			w.fed[p.UID] = feed{run: p.Running, seq: f.seq + 1}
		}
	})
	w.last = ""
	w.Say("%s: %s, in %d of %d containers after %s", t.Service, changed(t.Files), n, count(all, t.Service), time.Since(begun).Round(time.Millisecond))
	for _, command := range t.Exec {
		w.each(all, t.Service, func(p Pod) error {
			ctx, cancel := context.WithTimeout(ctx, longest)
			defer cancel()
			out, err := w.Pods.Exec(ctx, p, command)
			for l := range strings.Lines(out) {
				w.Say("%s | %s", p.Name, strings.TrimRight(l, "\n"))
			}
			return err
		}, func(Pod, bool) {})
	}
}

// build makes the image of a service anew; what changed is in it then. False:
// that cannot be, and files go the other way.
func (w *watch) build(ctx context.Context, service string) bool {
	if w.Build == nil {
		w.Say("%s: %v", service, ErrNoBuild)
		return false
	}
	if err := w.Build(ctx, service); err != nil {
		w.fault(fmt.Errorf("%s: build: %w", service, err))
		return false
	}
	delete(w.dirty, service)
	return true
}

// changed says how much changed: "3 changes".
func changed(files []File) string {
	switch len(files) {
	case 0:
		return "a change"
	case 1:
		return files[0].To
	}
	return fmt.Sprintf("%d changes", len(files))
}

func count(all []Pod, service string) (n int) {
	for _, p := range all {
		if p.Service == service && p.Running != "" {
			n++
		}
	}
	return n
}

// each does something with every running container of a service at once, and
// returns how many that went well for. What fails is told; then is called for
// one after another.
func (w *watch) each(all []Pod, service string, do func(Pod) error, then func(p Pod, ok bool)) (good int) {
	var mu sync.Mutex
	var doing sync.WaitGroup
	limit := make(chan struct{}, 8)
	var faults []error
	for _, p := range all {
		if p.Service != service || p.Running == "" {
			continue
		}
		doing.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			err := do(p)
			mu.Lock()
			defer mu.Unlock()
			then(p, err == nil)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", p.Name, err))
				return
			}
			good++
		})
	}
	doing.Wait()
	for _, err := range faults {
		w.fault(err)
	}
	return good
}
