package server

import (
	"bytes"
	"context"

	"nagi.dev/engine/carried"
	"nagi.dev/engine/containerd"
	"nagi.dev/engine/image"
	"nagi.dev/internal/version"
)

// systemImages is the Part that puts the system's own images into containerd.
// It makes them in memory: nothing is pulled.
type systemImages struct{ socket string }

func (*systemImages) Name() string               { return "system images" }
func (*systemImages) Stop(context.Context) error { return nil }

func (s *systemImages) Start(ctx context.Context) error {
	c, err := containerd.Dial(ctx, s.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	binary, err := carried.Read("nagi-plane")
	if err != nil {
		return err
	}
	plane, err := image.Plane(binary, version.PlaneImage())
	if err != nil {
		return err
	}
	pause, err := image.Pause(binary, version.PauseImage())
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := image.Write(&b, plane, pause); err != nil {
		return err
	}
	_, err = c.Import(ctx, &b)
	return err
}
