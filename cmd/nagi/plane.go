package main

import (
	"io"

	"nagi.dev/engine/carried"
	"nagi.dev/engine/image"
)

// PlaneImage makes the image of nagi-plane from the program that this one
// carries.
func (engine) PlaneImage(w io.Writer, name string) error {
	binary, err := carried.Read("nagi-plane")
	if err != nil {
		return err
	}
	plane, err := image.Plane(binary, name)
	if err != nil {
		return err
	}
	return image.Write(w, plane)
}
