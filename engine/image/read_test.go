package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"

	"nagi.dev/internal/archive"
)

// made returns an image for an architecture with one layer of noise.
func made(t *testing.T, architecture string, names ...string) archive.Image {
	t.Helper()
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	layer, err := archive.Layer(map[string]archive.File{"noise": {Type: tar.TypeReg, Content: noise}})
	if err != nil {
		t.Fatal(err)
	}
	img, err := archive.New(architecture, v1.Config{}, layer)
	if err != nil {
		t.Fatal(err)
	}
	return archive.Image{Image: img, Names: names}
}

func layout(t *testing.T, images ...archive.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := archive.Write(&b, images...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dockerSave(t *testing.T, i archive.Image) []byte {
	t.Helper()
	tag, err := name.NewTag(i.Names[0])
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, i.Image, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t *testing.T, data []byte, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zstandard(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	if err != nil {
		panic(err) // only for wrong options
	}
	return z
}

// without drops the files whose name has a part from a tar file.
func without(t *testing.T, data []byte, part string) []byte {
	t.Helper()
	var b bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(data)), tar.NewWriter(&b)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(h.Name, part) {
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadFindsTheNames(t *testing.T) {
	here := made(t, runtime.GOARCH, "redis:7", "example.org/cache:1")
	both := []string{"docker.io/library/redis:7", "example.org/cache:1"}
	oci := layout(t, here)
	for _, tt := range []struct {
		name  string
		data  []byte
		names []string
	}{
		{"an OCI layout", oci, both},
		{"an OCI layout in gzip", packed(t, oci, gzipped), both},
		{"an OCI layout in zstd", packed(t, oci, zstandard), both},
		{"the output of docker save", dockerSave(t, here), both[:1]},
		{"a docker archive without an OCI index", without(t, oci, "index.json"), both},
		{"two images in one archive", layout(t, here, made(t, runtime.GOARCH, "other:2")), append(slices.Clone(both), "docker.io/library/other:2")},
		{"an image for another machine beside one for this", layout(t, here, made(t, "mips", "old:1")), both},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Read(bytes.NewReader(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Names(), tt.names) {
				t.Errorf("names %q, want %q", a.Names(), tt.names)
			}
			if i := a.Images[0]; i.Layers != 1 || i.Size < 100_000 {
				t.Errorf("%d layers of %d bytes, want one of more than 100000", i.Layers, i.Size)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	here := made(t, runtime.GOARCH, "redis:7")
	oci := layout(t, here)
	config, err := here.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := here.Layers()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(oci)
	damaged[5000] ^= 1
	for _, tt := range []struct {
		name  string
		data  []byte
		fault string
	}{
		{"nothing", nil, "it is empty"},
		{"a text file", []byte("hello, this is no archive\n"), ErrNoArchive.Error()},
		{"a tar file of something else", without(t, oci, "json"), ErrNoArchive.Error()},
		{"a text file in gzip", packed(t, []byte("hello"), gzipped), ErrNoArchive.Error()},
		{"a truncated archive", oci[:len(oci)/2], "ends too early"},
		{"a truncated gzip", packed(t, oci, gzipped)[:50_000], "ends too early"},
		{"a truncated zstd", packed(t, oci, zstandard)[:50_000], "ends too early"},
		{"a flipped bit in a layer", damaged, "does not match its digest"},
		{"an image without its layer", without(t, oci, layer.Hex), "its layer"},
		{"an image without its config", without(t, oci, config.Hex), "is missing"},
		{"an image for another machine", layout(t, made(t, "mips", "old:1")), "its images are for linux/mips; this machine needs linux/" + runtime.GOARCH},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("Read = %v, want %q", err, tt.fault)
			}
		})
	}
}

func TestReadPassesOnWhatStopsItsInput(t *testing.T) {
	gone := errors.New("connection lost")
	_, err := Read(io.MultiReader(bytes.NewReader(layout(t, made(t, runtime.GOARCH, "a:1"))[:3000]), faulty{gone}))
	if !errors.Is(err, gone) {
		t.Errorf("Read = %v, want %v", err, gone)
	}
}

type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error) { return 0, f.err }
