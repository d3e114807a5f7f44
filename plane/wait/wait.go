package wait

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Options say what to wait for. Only Targets is required.
type Options struct {
	Targets []Target
	Timeout time.Duration // 0: no end
	Out     io.Writer     // progress, one line a change; nil: none
	API     API           // zero: the API server of the pod this runs in
	Pause   time.Duration // between two tries at an API server that is away, at first; 0: 250 ms
}

// Run returns nil as soon as all targets are as asked. It returns an error
// when one never can be, when the time is up or when ctx ends.
func Run(ctx context.Context, o Options) error {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("gave up after %s", o.Timeout))
		defer cancel()
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	api, err := o.API.withDefaults()
	if err != nil {
		return err
	}
	return waitAll(ctx, o, api)
}

// errOther ends the wait for a target because another can never be as asked.
var errOther = errors.New("another target failed")

func waitAll(ctx context.Context, o Options, api API) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	errs := make([]error, len(o.Targets))
	p := &progress{out: o.Out}
	var all sync.WaitGroup
	for i, t := range o.Targets {
		all.Go(func() {
			w := waiter{target: t, client: newClient(api), progress: p, pause: o.Pause}
			if errs[i] = w.run(ctx); errs[i] != nil {
				stop(errOther)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// A waiter sees one target through.
type waiter struct {
	target   Target
	client   *client
	progress *progress
	pause    time.Duration
}

// run looks, decides, and sleeps in a watch until something changes.
func (w waiter) run(ctx context.Context) error {
	tries := backoff{first: w.pause}
	for {
		seen, next, err := w.client.look(ctx, w.target)
		if err == nil {
			v := Decide(w.target, seen)
			w.say(v.Text)
			switch {
			case v.Done:
				w.progress.line("%s is %s", w.target, w.target.Condition)
				return nil
			case v.Failed:
				return fmt.Errorf("wait for %s to be %s: %s", w.target, w.target.Condition, v.Text)
			}
			if err = w.client.change(ctx, next); err == nil {
				tries.reset()
			}
		}
		if ctx.Err() != nil {
			return w.unfinished(ctx)
		}
		if err != nil {
			w.recover(ctx, &tries, err)
		}
	}
}

func (w waiter) say(state string) {
	w.progress.change(w.target.String(), fmt.Sprintf("waiting for %s to be %s: %s", w.target, w.target.Condition, state))
}

// recover tells people why nothing moves and waits before the next try.
func (w waiter) recover(ctx context.Context, tries *backoff, err error) {
	if !errors.Is(err, errExpired) {
		w.say(fmt.Sprintf("trying again: %v", err))
		w.client.reset()
	}
	tries.wait(ctx)
}

// unfinished says where the target stood when the time was up; nil when
// another target is to blame.
func (w waiter) unfinished(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errOther) {
		return nil
	}
	return fmt.Errorf("%s: %w", w.progress.last(w.target.String()), cause)
}
