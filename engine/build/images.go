package build

import (
	"context"
	"fmt"

	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"

	"nagi.dev/engine/containerd"
)

// A store is the builder's image store that also finds the images of pods: a
// base image that was imported needs no registry.
type store struct {
	images.Store // of the builder's namespace
	client       *ctd.Client
}

// Get looks at the pods' images alone, so that one that was removed there is
// no base any more. What it finds is shared with the builder; no byte is
// copied.
func (s *store) Get(ctx context.Context, name string) (images.Image, error) {
	theirs, err := s.Store.Get(namespaces.WithNamespace(ctx, podNamespace), name)
	if err != nil {
		return images.Image{}, err
	}
	ours := images.Image{Name: theirs.Name, Target: theirs.Target}
	ctx = namespaces.WithNamespace(ctx, Namespace)
	ctx, done, err := s.client.WithLease(ctx)
	if err != nil {
		return images.Image{}, fmt.Errorf("borrow image %s: %w", name, err)
	}
	defer done(context.WithoutCancel(ctx))
	if err := containerd.Share(ctx, s.client.ContentStore(), theirs.Target, podNamespace, Namespace); err != nil {
		return images.Image{}, fmt.Errorf("borrow image %s: %w", name, err)
	}
	_, err = s.Store.Create(ctx, ours)
	if errdefs.IsAlreadyExists(err) {
		_, err = s.Store.Update(ctx, ours, "target")
	}
	if err != nil {
		return images.Image{}, fmt.Errorf("borrow image %s: %w", name, err)
	}
	return ours, nil
}

// forget removes the names that stand for nothing any more: images on their
// way when a builder ended, and borrowed ones that pods no longer have.
func (s *store) forget(ctx context.Context) error {
	ctx = namespaces.WithNamespace(ctx, Namespace)
	list, err := s.Store.List(ctx)
	if err != nil {
		return fmt.Errorf("list images of the builder: %w", err)
	}
	for _, i := range list {
		theirs, err := s.Store.Get(namespaces.WithNamespace(ctx, podNamespace), i.Name)
		if err == nil && theirs.Target.Digest == i.Target.Digest {
			continue
		}
		if err := s.Store.Delete(ctx, i.Name); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("forget image %s: %w", i.Name, err)
		}
	}
	return nil
}
