package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"nagi.dev/cli"
	"nagi.dev/engine/carried"
	"nagi.dev/engine/image"
	"nagi.dev/engine/registry"
)

// systemImage makes an image of nagi-plane, which this program carries, or of
// this program itself.
func systemImage(i cli.SystemImage) (image.System, error) {
	if i.What == "plane" {
		binary, err := carried.Read("nagi-plane")
		if err != nil {
			return image.System{}, err
		}
		return image.Plane(binary, i.Name)
	}
	binary, err := os.ReadFile("/proc/self/exe") // also when its file was replaced
	if err != nil {
		return image.System{}, fmt.Errorf("read this program: %w", err)
	}
	return image.Platform(binary, i.Name)
}

// SaveImages writes images of the system as one archive.
func (engine) SaveImages(w io.Writer, images []cli.SystemImage) error {
	all := make([]image.System, len(images))
	for n, i := range images {
		var err error
		if all[n], err = systemImage(i); err != nil {
			return err
		}
	}
	return image.Write(w, all...)
}

// PushImage brings an image of the system to its registry.
func (engine) PushImage(ctx context.Context, i cli.SystemImage) error {
	made, err := systemImage(i)
	if err != nil {
		return err
	}
	c, err := registry.Read(registry.File)
	if err != nil {
		return err
	}
	return image.Push(ctx, made, c)
}
