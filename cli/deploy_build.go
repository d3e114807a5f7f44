package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"nagi.dev/compose"
)

// build makes the images of the services that say how, and returns p with
// their digests: one that changed makes its service roll. Until all are made
// nothing of the cluster is touched.
func (c *deployCommand) build(ctx context.Context, io stdio, p *compose.Project, builds []compose.Build) (*compose.Project, error) {
	if c.kubeconfig != "" {
		return nil, errors.New("images are built only for the server of this machine; push them to a registry of that cluster and remove build")
	}
	k := &kitchen{app: c.app, io: io, room: make(chan struct{}, runtime.NumCPU()), made: map[string]string{}, done: map[string]chan struct{}{}}
	began := time.Now()
	if err := k.makeAll(ctx, builds); err != nil {
		return nil, err
	}
	if len(builds) > 1 {
		io.note("%d images are ready (%.1fs)", len(builds), time.Since(began).Seconds())
	}
	return p.WithImages(k.made), nil
}

// A kitchen makes several images at a time: as many as there are processors,
// and each after those that it stands on.
type kitchen struct {
	app  *app
	io   stdio
	room chan struct{}            // one place for each build at work
	done map[string]chan struct{} // by service; closed when its image is made
	wall sync.Mutex               // guards io.Err, which all builds print to

	mu   sync.Mutex // guards made
	made map[string]string
}

// makeAll returns once all images are made, or one could not be: that ends
// the others, and its error counts.
func (k *kitchen) makeAll(ctx context.Context, builds []compose.Build) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := make([]string, len(builds))
	for i, b := range builds {
		k.done[b.Service], names[i] = make(chan struct{}), b.Service
	}
	var wg sync.WaitGroup
	for _, b := range builds {
		wg.Go(func() {
			if err := k.make(ctx, b, names); err != nil {
				cancel(err) // the first one counts
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// make waits for its turn and makes one image.
func (k *kitchen) make(ctx context.Context, b compose.Build, all []string) error {
	for _, base := range b.Services {
		if err := await(ctx, k.done[base]); err != nil {
			return err
		}
	}
	select {
	case k.room <- struct{}{}:
		defer func() { <-k.room }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	k.mu.Lock()
	order := buildOf(b, k.made)
	k.mu.Unlock()
	built, err := k.cook(ctx, b, order, all)
	if err != nil {
		return fmt.Errorf("build %s: %w", b.Service, err)
	}
	k.mu.Lock()
	k.made[b.Service] = built.Names[0]
	k.mu.Unlock()
	close(k.done[b.Service])
	return nil
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// cook builds. One alone shows its progress as it likes; of several each line
// names its service.
func (k *kitchen) cook(ctx context.Context, b compose.Build, order Build, all []string) (Built, error) {
	if len(all) == 1 {
		k.io.note("building %s for %s", b.Image, b.Service)
		return k.app.buildImage(ctx, k.io, order)
	}
	order.Progress = "plain"
	t := newTeller(&k.wall, k.io.Err, b.Service, all)
	own := k.io
	own.Err = t
	built, err := k.app.buildImage(ctx, own, order)
	t.end(err != nil && context.Cause(ctx) == nil)
	return built, err
}

// buildOf is b in the engine's words. made are the images that b may stand on.
func buildOf(b compose.Build, made map[string]string) Build {
	out := Build{
		Context: b.Context, Dockerfile: b.Dockerfile, Inline: b.Inline, Target: b.Target,
		Tags: b.Tags, Args: b.Args, Labels: b.Labels, Contexts: map[string]string{}, Secrets: b.Secrets,
		Network: b.Network, AllowHost: b.AllowHost, ExtraHosts: b.ExtraHosts, Ulimits: b.Ulimits, ShmSize: b.ShmSize,
		NoCache: b.NoCache, NoCacheOf: b.NoCacheOf, Pull: b.Pull, CacheFrom: b.CacheFrom, CacheTo: b.CacheTo,
		Progress: "auto",
	}
	for name, where := range b.Contexts {
		out.Contexts[name] = where
	}
	for name, service := range b.Services {
		out.Contexts[name] = "docker-image://" + made[service]
	}
	return out
}

// built is plan once its images are made.
func (c *deployCommand) built(ctx context.Context, io stdio, p *compose.Project, plan *deployment) (*deployment, error) {
	builds, err := compose.Builds(p)
	if err != nil || len(builds) == 0 {
		return plan, err
	}
	with, err := c.build(ctx, io, p, builds)
	if err != nil {
		return nil, err
	}
	return c.plan(with)
}
