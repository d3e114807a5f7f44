package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"nagi.dev/test/lab"
)

// mirrorAddress is where the machine's own registry answers. A few tests pull
// whatever the node holds already.
const mirrorAddress = "127.0.0.1:5000"

// mirror starts a registry with the tests' images on the machine and lets
// containerd ask it before the one that the images are named after.
func mirror(ctx context.Context, o options, m *lab.Machine) error {
	host := fmt.Sprintf("[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", "http://"+mirrorAddress)
	if err := m.WriteFile("/etc/nagi/registries/_default/hosts.toml", []byte(host), 0o644); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	c := m.Command(ctx, self, "-serve", o.images)
	ready, err := c.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start registry: %w", err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return fmt.Errorf("start registry: %w", err)
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("start registry: %w", errors.Join(err, c.Wait()))
	}
	go func() { _ = c.Wait() }() // it ends with the machine
	return nil
}

// serve is the registry's process. It prints a line once it holds every image
// of the folder.
func serve(ctx context.Context, images string) error {
	dir, err := os.MkdirTemp("", "registry-")
	if err != nil {
		return fmt.Errorf("make folder of registry: %w", err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("tcp", mirrorAddress)
	if err != nil {
		return fmt.Errorf("serve registry: %w", err)
	}
	h := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)), registry.Logger(log.New(io.Discard, "", 0)))
	s := &http.Server{Handler: h}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	archives, err := filepath.Glob(filepath.Join(images, "*.tar"))
	if err != nil {
		return fmt.Errorf("find images: %w", err)
	}
	for _, a := range archives {
		if err := push(ctx, a); err != nil {
			return fmt.Errorf("push %s: %w", a, err)
		}
	}
	fmt.Println("ready")
	return <-ended
}

// push brings the one image of an archive under each of its names.
func push(ctx context.Context, archive string) error {
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(archive) })
	if err != nil {
		return err
	}
	for _, d := range manifest {
		for _, tag := range d.RepoTags {
			if err := pushTag(ctx, archive, tag); err != nil {
				return err
			}
		}
	}
	return nil
}

func pushTag(ctx context.Context, archive, tag string) error {
	from, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	image, err := tarball.ImageFromPath(archive, &from)
	if err != nil {
		return err
	}
	to, err := name.NewTag(mirrorAddress+"/"+from.RepositoryStr()+":"+from.TagStr(), name.Insecure)
	if err != nil {
		return err
	}
	return remote.Write(to, image, remote.WithContext(ctx))
}
