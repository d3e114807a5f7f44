package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
)

// Adopt takes an image of another namespace into the one of pods, under names
// and unpacked, and takes its own name away there. fresh tells whether any of
// the names is new, or meant another image; else nothing is written.
func (c *Client) Adopt(ctx context.Context, from, name string, names func(digest string) []string) (digest string, fresh bool, err error) {
	there := namespaces.WithNamespace(ctx, from)
	img, err := c.c.ImageService().Get(there, name)
	if err != nil {
		return "", false, fmt.Errorf("find image %s: %w", name, err)
	}
	digest = img.Target.Digest.String()
	here := namespaces.WithNamespace(ctx, namespace)
	if all := names(digest); !c.built(here, all, digest) {
		fresh = true
		if err := c.adopt(here, from, img, all); err != nil {
			return "", false, err
		}
	}
	if err := c.c.ImageService().Delete(there, name); err != nil && !errdefs.IsNotFound(err) {
		return "", false, fmt.Errorf("forget image %s: %w", name, err)
	}
	return digest, fresh, nil
}

// built tells whether all names stand for an image that was adopted before.
func (c *Client) built(ctx context.Context, names []string, digest string) bool {
	for _, n := range names {
		i, err := c.c.ImageService().Get(ctx, n)
		if err != nil || i.Target.Digest.String() != digest || i.Labels[builtLabel] == "" {
			return false
		}
	}
	return true
}

func (c *Client) adopt(ctx context.Context, from string, img images.Image, names []string) error {
	ctx, done, err := c.c.WithLease(ctx)
	if err != nil {
		return fmt.Errorf("begin to take image: %w", err)
	}
	defer done(context.WithoutCancel(ctx))
	if err := Share(ctx, c.c.ContentStore(), img.Target, from, namespace); err != nil {
		return err
	}
	for _, n := range names {
		if err := c.unpackAs(ctx, images.Image{Name: n, Target: img.Target, Labels: map[string]string{builtLabel: "true"}}); err != nil {
			return err
		}
	}
	return nil
}

// unpackAs stores and unpacks i. Its name appears last: a pod that sees it
// can start.
func (c *Client) unpackAs(ctx context.Context, i images.Image) error {
	if err := c.unpack(ctx, i); err != nil {
		return err
	}
	_, err := c.c.ImageService().Create(ctx, i)
	if errdefs.IsAlreadyExists(err) {
		_, err = c.c.ImageService().Update(ctx, i, "target", "labels."+builtLabel)
	}
	if err != nil {
		return fmt.Errorf("name image %s: %w", i.Name, err)
	}
	return nil
}
