package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
)

// keepBuilds is how many images of one name stay when newer ones are made:
// those that a stack may roll back to, and as many that were tried in between.
const keepBuilds = 20

// Trim forgets old images that were made here under repo.
func (c *Client) Trim(ctx context.Context, repo string) error {
	ctx = namespaces.WithNamespace(ctx, namespace)
	list, err := c.c.ImageService().List(ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	digests := map[string]string{} // by name
	var all []record
	for _, i := range list {
		digests[i.Name] = i.Target.Digest.String()
		all = append(all, record{name: i.Name, digest: digests[i.Name], created: i.CreatedAt, built: i.Labels[builtLabel] != ""})
	}
	containers, err := c.c.ContainerService().List(ctx)
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	used := map[string]bool{}
	for _, k := range containers {
		used[digests[k.Image]] = true
	}
	for _, name := range excess(all, repo, used, keepBuilds) {
		if err := c.c.ImageService().Delete(ctx, name, images.SynchronousDelete()); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("forget image %s: %w", name, err)
		}
	}
	return nil
}
