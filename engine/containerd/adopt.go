package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
)

// Adopt takes an image of another namespace into the one of pods, under names
// and unpacked, and takes its own name away there. It returns the digest.
func (c *Client) Adopt(ctx context.Context, from, name string, names func(digest string) []string) (string, error) {
	there := namespaces.WithNamespace(ctx, from)
	img, err := c.c.ImageService().Get(there, name)
	if err != nil {
		return "", fmt.Errorf("find image %s: %w", name, err)
	}
	ctx, done, err := c.c.WithLease(namespaces.WithNamespace(ctx, namespace))
	if err != nil {
		return "", fmt.Errorf("begin to take image: %w", err)
	}
	defer done(context.WithoutCancel(ctx))
	if err := Share(ctx, c.c.ContentStore(), img.Target, from, namespace); err != nil {
		return "", err
	}
	digest := img.Target.Digest.String()
	for _, n := range names(digest) {
		if err := c.unpackAs(ctx, images.Image{Name: n, Target: img.Target, Labels: map[string]string{builtLabel: "true"}}); err != nil {
			return "", err
		}
	}
	if err := c.c.ImageService().Delete(there, name); err != nil && !errdefs.IsNotFound(err) {
		return "", fmt.Errorf("forget image %s: %w", name, err)
	}
	return digest, nil
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
