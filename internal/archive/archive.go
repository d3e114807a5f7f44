package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// An Image is an image and the names it goes by, in full:
// "docker.io/library/redis:7".
type Image struct {
	v1.Image
	Names []string
}

// The annotations by which readers find an image's name.
const (
	annotationName = "io.containerd.image.name"
	annotationRef  = "org.opencontainers.image.ref.name"
)

// dockerEntry is one image in a Docker archive's manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Write writes all images to w. A layer that several share is written once.
func Write(w io.Writer, images ...Image) error {
	a := writer{tar: tar.NewWriter(w), written: map[v1.Hash]bool{}}
	for _, i := range images {
		if err := a.image(i); err != nil {
			return fmt.Errorf("write image %v: %w", i.Names, err)
		}
	}
	return a.finish()
}

// writer keeps what finish needs of the images already written.
type writer struct {
	tar     *tar.Writer
	written map[v1.Hash]bool
	index   v1.IndexManifest
	docker  []dockerEntry
}

func (a *writer) image(i Image) error {
	config, err := i.RawConfigFile()
	if err != nil {
		return err
	}
	layers, err := i.Layers()
	if err != nil {
		return err
	}
	m, err := i.Manifest()
	if err != nil {
		return err
	}
	entry := dockerEntry{Config: place(m.Config.Digest), RepoTags: i.Names}
	for _, l := range layers {
		d, err := a.layer(l)
		if err != nil {
			return err
		}
		entry.Layers = append(entry.Layers, place(d))
	}
	if err := a.blob(m.Config.Digest, config); err != nil {
		return err
	}
	a.docker = append(a.docker, entry)
	return a.manifest(i)
}

// manifest writes the manifest and adds it to the index, once a name.
func (a *writer) manifest(i Image) error {
	raw, err := i.RawManifest()
	if err != nil {
		return err
	}
	digest, err := i.Digest()
	if err != nil {
		return err
	}
	kind, err := i.MediaType()
	if err != nil {
		return err
	}
	for _, n := range i.Names {
		a.index.Manifests = append(a.index.Manifests, v1.Descriptor{
			MediaType: kind, Digest: digest, Size: int64(len(raw)),
			Annotations: map[string]string{annotationName: n, annotationRef: n},
		})
	}
	return a.blob(digest, raw)
}

func (a *writer) layer(l v1.Layer) (v1.Hash, error) {
	d, err := l.Digest()
	if err != nil || a.written[d] {
		return d, err
	}
	a.written[d] = true
	size, err := l.Size()
	if err != nil {
		return d, err
	}
	content, err := l.Compressed()
	if err != nil {
		return d, err
	}
	defer content.Close()
	return d, a.file(place(d), size, content)
}

func (a *writer) blob(d v1.Hash, data []byte) error {
	if a.written[d] {
		return nil
	}
	a.written[d] = true
	return a.file(place(d), int64(len(data)), bytes.NewReader(data))
}

func place(d v1.Hash) string { return "blobs/" + d.Algorithm + "/" + d.Hex }

func (a *writer) file(name string, size int64, content io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatUSTAR}
	if size >= 1<<33 { // what USTAR can say
		h.Format = tar.FormatPAX
	}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(a.tar, content)
	return err
}

// finish writes the tables of contents and the end of the tar file.
func (a *writer) finish() error {
	a.index.SchemaVersion, a.index.MediaType = 2, types.OCIImageIndex
	for _, f := range []struct {
		name    string
		content any
	}{
		{"index.json", a.index},
		{"manifest.json", a.docker},
		{"oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"}},
	} {
		data, err := json.Marshal(f.content)
		if err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		if err := a.file(f.name, int64(len(data)), bytes.NewReader(data)); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return a.tar.Close()
}
