package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Options say what Run does. To, and one of From and URL, are required.
type Options struct {
	To       string        // the folder that is kept
	From     string        // a folder: a mounted ConfigMap or Secret
	URL      string        // of one file, named by the last part of its path
	Interval time.Duration // at which URL is asked; 0: 30s. A folder is looked at each second
	Once     bool          // end as soon as the files are there

	Process string // the program that gets Signal after a change; "": none
	Signal  string // "HUP"
	Reload  string // URL that is asked by POST after a change; "": none

	Out  io.Writer // what happened; a line each
	proc string    // "": /proc
}

// Validate returns every fault of o.
func (o Options) Validate() error {
	var errs []error
	if o.To == "" {
		errs = append(errs, errors.New("name the folder to keep with --to"))
	}
	if (o.From == "") == (o.URL == "") {
		errs = append(errs, errors.New("name one source: --from or --url"))
	}
	if o.Process != "" {
		if _, err := signalNamed(o.Signal); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

const look = time.Second // at a folder

func (o Options) withDefaults() Options {
	if o.Interval == 0 {
		o.Interval = 30 * time.Second
	}
	if o.From != "" {
		o.Interval = look
	}
	if o.proc == "" {
		o.proc = "/proc"
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}

// Run keeps the folder until ctx ends, or once. A source that is away is
// asked again; with Once, Run ends when it has the files.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	k := &keeper{o: o, source: o.source(), notify: o.notifier()}
	t := time.NewTicker(min(o.Interval, look))
	defer t.Stop()
	var next, told time.Time
	for {
		if now := time.Now(); !now.Before(next) {
			err := k.pass(ctx)
			if o.Once && err == nil {
				return nil
			}
			if err != nil && now.Sub(told) > time.Minute { // one line a minute
				told = now
				fmt.Fprintln(o.Out, err)
			}
			next = now.Add(o.Interval)
			if err != nil {
				next = now.Add(look)
			}
		}
		select {
		case <-ctx.Done():
			if o.Once {
				return ctx.Err()
			}
			return nil
		case <-t.C:
		}
	}
}

// A keeper knows what is still to be told.
type keeper struct {
	o      Options
	source func(context.Context) (Files, bool, error) // false: as before
	notify func(context.Context) error                // nil: nobody is told
	owed   bool                                       // a change that nobody was told of yet
}

// pass looks once, and tells of changes.
func (k *keeper) pass(ctx context.Context) error {
	want, fresh, err := k.source(ctx)
	if err != nil {
		return err
	}
	if fresh {
		have, err := read(k.o.To)
		if err != nil {
			return err
		}
		p := Decide(want, have)
		if err := write(k.o.To, want, p); err != nil {
			return err
		}
		if !p.empty() {
			k.owed = true
			fmt.Fprintf(k.o.Out, "changed: written %q, removed %q\n", p.Write, p.Remove)
		}
	}
	if !k.owed || k.notify == nil {
		return nil
	}
	if err := k.notify(ctx); err != nil {
		return err
	}
	k.owed = false
	return nil
}

// source returns how to look at the source.
func (o Options) source() func(context.Context) (Files, bool, error) {
	if o.URL != "" {
		u := &url{address: o.URL}
		return u.get
	}
	var stood string
	return func(context.Context) (Files, bool, error) {
		// The kubelet swaps this link when the volume changes.
		link, err := os.Readlink(filepath.Join(o.From, "..data"))
		if err == nil && link == stood {
			return nil, false, nil
		}
		files, err := read(o.From)
		if err == nil {
			stood = link
		}
		return files, err == nil, err
	}
}
