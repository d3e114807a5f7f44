package containerd

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Share makes an image of one namespace part of another, as far as it is for
// this machine. The namespaces have one store of bytes in common, so none is
// copied. A lease of the caller, in the namespace to, keeps what is half
// shared.
func Share(ctx context.Context, store content.Store, root ocispec.Descriptor, from, to string) error {
	src, dst := namespaces.WithNamespace(ctx, from), namespaces.WithNamespace(ctx, to)
	children := images.LimitManifests(images.FilterPlatforms(images.ChildrenHandler(store), platforms.DefaultStrict()), platforms.DefaultStrict(), 1)
	return images.Walk(src, images.HandlerFunc(func(_ context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if err := shareBlob(src, dst, store, d); err != nil {
			return nil, fmt.Errorf("share %s: %w", d.Digest, err)
		}
		return children.Handle(src, d)
	}), root)
}

func shareBlob(src, dst context.Context, store content.Store, d ocispec.Descriptor) error {
	info, err := store.Info(src, d.Digest)
	if err != nil {
		return err
	}
	labels := map[string]string{}
	for k, v := range info.Labels {
		if strings.HasPrefix(k, "containerd.io/gc.ref.") || strings.HasPrefix(k, "containerd.io/uncompressed") || strings.HasPrefix(k, "containerd.io/distribution.source.") {
			labels[k] = v
		}
	}
	ra, err := store.ReaderAt(src, d)
	if err != nil {
		return err
	}
	defer ra.Close()
	err = content.WriteBlob(dst, store, "share-"+d.Digest.String(), content.NewReader(ra), d, content.WithLabels(labels))
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	return err
}
