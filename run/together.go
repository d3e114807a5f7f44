package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Together makes one Part of several whose starts may overlap: they do not
// need each other, or wait for each other by themselves.
func Together(name string, parts ...Part) Part { return &group{name: name, parts: parts} }

type group struct {
	name  string
	parts []Part
}

func (g *group) Name() string { return g.name }

// Start starts every part. When one cannot, all are stopped.
func (g *group) Start(ctx context.Context) error {
	err := g.each(func(p Part) error {
		if err := p.Start(ctx); err != nil {
			return fmt.Errorf("start %s: %w", p.Name(), err)
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, g.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// Ready waits for all; the first that cannot be ready ends the wait. The
// caller then stops the group.
func (g *group) Ready(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_ = g.each(func(p Part) error {
		r, ok := p.(Readier)
		if !ok {
			return nil
		}
		if err := r.Ready(ctx); err != nil {
			cancel(fmt.Errorf("wait for %s: %w", p.Name(), err)) // the first cause stays
		}
		return nil
	})
	return context.Cause(ctx)
}

// Stop stops every part at once.
func (g *group) Stop(ctx context.Context) error {
	return g.each(func(p Part) error {
		if err := p.Stop(ctx); err != nil {
			return fmt.Errorf("stop %s: %w", p.Name(), err)
		}
		return nil
	})
}

func (g *group) each(do func(Part) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(g.parts))
	for i, p := range g.parts {
		wg.Go(func() { errs[i] = do(p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
