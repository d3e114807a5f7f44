package pki

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A Renewer is the Part that renews the leaves of Options while the server
// runs. Whoever shows a leaf reads its file again by itself.
type Renewer struct {
	Options Options
	Log     *slog.Logger

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Name implements run.Part.
func (*Renewer) Name() string { return "certificates" }

// Start implements run.Part. A leaf lives a third of its life after it is
// due; looking thirty times in that span forgives a full disk or a sleeping
// machine many times over.
func (r *Renewer) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() {
		t := time.NewTicker(min(r.Options.Lifetime/90, time.Hour))
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				r.renew()
			}
		}
	})
	return nil
}

func (r *Renewer) renew() {
	made, err := Ensure(r.Options)
	if err != nil {
		r.Log.Error("renew certificates", "err", err)
		return
	}
	if len(made) > 0 {
		r.Log.Info("certificates renewed", "names", made)
	}
}

// Stop implements run.Part.
func (r *Renewer) Stop(context.Context) error {
	if r.cancel != nil {
		r.cancel()
	}
	r.done.Wait()
	return nil
}
