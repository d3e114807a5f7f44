package image

import (
	"archive/tar"
	"fmt"
	"io"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
)

// nobody runs the system's images: neither pause nor plane needs a right.
const nobody = "65535:65535"

// binaryPath is where nagi-plane lies in both images.
const binaryPath = "/nagi-plane"

// platformPath is where nagi lies in its own image.
const platformPath = "/nagi"

// A System is one of the system's own images and its full name.
type System struct{ image archive.Image }

// Ref is the name of the image: "nagi.dev/plane:1.0.0".
func (s System) Ref() string { return s.image.Names[0] }

// Plane makes the image whose entry point is nagi-plane itself. ref is its
// full name, with registry and tag.
func Plane(binary []byte, ref string) (System, error) {
	return system(binary, ref, binaryPath)
}

// Platform makes the image whose entry point is nagi itself.
func Platform(binary []byte, ref string) (System, error) {
	return system(binary, ref, platformPath)
}

// Pause makes the image of the container that holds a pod. It shares the one
// layer of Plane when made of the same binary.
func Pause(binary []byte, ref string) (System, error) {
	return system(binary, ref, binaryPath, "pause")
}

func system(binary []byte, ref string, entrypoint ...string) (System, error) {
	layer, err := archive.Layer(map[string]archive.File{
		entrypoint[0][1:]: {Type: tar.TypeReg, Mode: 0o755, Content: binary},
	})
	if err != nil {
		return System{}, fmt.Errorf("make image %s: %w", ref, err)
	}
	img, err := archive.New(runtime.GOARCH, v1.Config{Entrypoint: entrypoint, User: nobody, WorkingDir: "/"}, layer)
	if err != nil {
		return System{}, fmt.Errorf("make image %s: %w", ref, err)
	}
	return System{archive.Image{Image: img, Names: []string{ref}}}, nil
}

// Write writes images as one archive that containerd imports. Equal binaries
// and names give equal bytes.
func Write(w io.Writer, images ...System) error {
	all := make([]archive.Image, len(images))
	for i, s := range images {
		all[i] = s.image
	}
	return archive.Write(w, all...)
}
