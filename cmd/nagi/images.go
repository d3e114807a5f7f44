package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"nagi.dev/cli"
	"nagi.dev/engine/containerd"
	"nagi.dev/engine/image"
	"nagi.dev/internal/layout"
)

func (engine) Images(dataDir string) (cli.ImageStore, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	dirs := layout.For(dataDir)
	c, err := containerd.Dial(ctx, dirs.ContainerdSocket())
	if err != nil {
		return nil, err
	}
	return store{c, dirs}, nil
}

// store shows containerd's images to the command line.
type store struct {
	*containerd.Client
	dirs layout.Dirs
}

func (s store) List(ctx context.Context) ([]cli.Image, error) {
	list, err := s.Client.Images(ctx)
	out := make([]cli.Image, 0, len(list))
	for _, i := range list {
		out = append(out, cli.Image(i))
	}
	return out, err
}

// Import checks the whole archive before containerd sees a byte of it: what
// is truncated or for another machine must not be half there.
func (s store) Import(ctx context.Context, r io.Reader) ([]string, error) {
	dir := filepath.Join(s.dirs.Data, "import")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make room for the archive: %w", err)
	}
	f, err := os.CreateTemp(dir, "archive-*")
	if err != nil {
		return nil, fmt.Errorf("make room for the archive: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	plain, err := image.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	if err := check(io.TeeReader(plain, f)); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the archive again: %w", err)
	}
	return s.Client.Import(ctx, f)
}

// check reads r to its end.
func check(r io.Reader) error {
	a, err := image.Read(r)
	if err != nil {
		return err
	}
	if len(a.Names()) == 0 {
		return errors.New("no image in the archive has a name; save it as NAME:TAG")
	}
	_, err = io.Copy(io.Discard, r)
	return err
}
