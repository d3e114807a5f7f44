package containerd

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
)

// namespace is the one that the kubelet uses.
const namespace = "k8s.io"

// A Client is a connection to a running containerd.
type Client struct{ c *containerd.Client }

// Dial waits until containerd serves at socket.
func Dial(ctx context.Context, socket string) (*Client, error) {
	for {
		if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
			conn.Close()
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for containerd: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	c, err := containerd.New(socket, containerd.WithDefaultNamespace(namespace))
	if err != nil {
		return nil, fmt.Errorf("connect to containerd: %w", err)
	}
	return &Client{c}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.c.Close() }

// Import stores the images of an OCI or Docker archive and unpacks those of
// this machine's platform. It returns their names.
func (c *Client) Import(ctx context.Context, r io.Reader) ([]string, error) {
	ctx = namespaces.WithNamespace(ctx, namespace)
	// A lease keeps what is half imported from the garbage collector.
	ctx, done, err := c.c.WithLease(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin import: %w", err)
	}
	defer done(context.WithoutCancel(ctx))
	imgs, err := c.c.Import(ctx, r, containerd.WithImportPlatform(platforms.DefaultStrict()))
	if err != nil {
		return nil, fmt.Errorf("import images: %w", err)
	}
	var names []string
	for _, i := range imgs {
		if err := c.unpack(ctx, i); err != nil {
			return names, err
		}
		names = append(names, i.Name)
	}
	return names, nil
}

func (c *Client) unpack(ctx context.Context, i images.Image) error {
	img := containerd.NewImageWithPlatform(c.c, i, platforms.DefaultStrict())
	if err := img.Unpack(ctx, "overlayfs"); err != nil {
		return fmt.Errorf("unpack image %s: %w", i.Name, err)
	}
	config, err := img.Config(ctx)
	if err != nil {
		return fmt.Errorf("read image %s: %w", i.Name, err)
	}
	return c.identify(ctx, i, config.Digest.String())
}

// identify stores i under its id too, by which the kubelet mounts images as
// volumes. The CRI part does so for images that appear while it runs, not for
// those that were there before it.
func (c *Client) identify(ctx context.Context, i images.Image, id string) error {
	i.Name, i.Labels = id, map[string]string{"io.cri-containerd.image": "managed"}
	_, err := c.c.ImageService().Create(ctx, i)
	if errdefs.IsAlreadyExists(err) {
		_, err = c.c.ImageService().Update(ctx, i, "target", "labels")
	}
	if err != nil {
		return fmt.Errorf("name image %s by its id: %w", i.Name, err)
	}
	return nil
}

// Has tells whether an image of that name is there.
func (c *Client) Has(ctx context.Context, name string) bool {
	_, err := c.c.ImageService().Get(namespaces.WithNamespace(ctx, namespace), name)
	return err == nil
}

// An Image is one name in the store.
type Image struct {
	Name    string
	Digest  string
	Size    int64 // bytes, compressed; 0: unknown
	Created time.Time
}

// Images lists the store by name. Names that are only a digest are left out.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	ctx = namespaces.WithNamespace(ctx, namespace)
	list, err := c.c.ListImages(ctx)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	var out []Image
	for _, i := range list {
		if len(i.Name()) > 7 && i.Name()[:7] == "sha256:" {
			continue
		}
		size, err := i.Size(ctx)
		if err != nil {
			size = 0 // a layer is missing; the name still stands
		}
		out = append(out, Image{i.Name(), i.Target().Digest.String(), size, i.Metadata().CreatedAt})
	}
	return out, nil
}

// Remove takes a name out of the store; the content goes with its last name.
func (c *Client) Remove(ctx context.Context, name string) error {
	ctx = namespaces.WithNamespace(ctx, namespace)
	if err := c.c.ImageService().Delete(ctx, name, images.SynchronousDelete()); err != nil {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	return nil
}
