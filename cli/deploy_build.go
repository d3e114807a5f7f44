package cli

import (
	"context"
	"errors"
	"fmt"

	"nagi.dev/compose"
)

// build makes the images of the services that say how, and returns p with
// their digests: one that changed makes its service roll. Until all are made
// nothing of the cluster is touched.
func (c *deployCommand) build(ctx context.Context, io stdio, p *compose.Project, builds []compose.Build) (*compose.Project, error) {
	if c.kubeconfig != "" {
		return nil, errors.New("images are built only for the server of this machine; push them to a registry of that cluster and remove build")
	}
	made := map[string]string{} // by service
	for _, b := range builds {
		io.note("building %s for %s", b.Image, b.Service)
		built, err := c.app.buildImage(ctx, io, buildOf(b, made))
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", b.Service, err)
		}
		made[b.Service] = built.Names[0]
	}
	return p.WithImages(made), nil
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
