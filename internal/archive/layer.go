package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A File is one entry of a layer. Modes are as in tar headers: set-user-ID is
// 0o4000.
type File struct {
	Type     byte // tar.TypeReg, TypeDir, TypeSymlink or TypeLink
	Mode     int64
	UID, GID int
	Link     string // target of a link
	Content  []byte
}

// Layer makes a layer of files by path, without a leading slash. Folders that
// no entry names are made, 0755 and root's. Times are zero.
func Layer(files map[string]File) (v1.Layer, error) {
	files = withFolders(files)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range order(files) {
		if err := writeFile(w, name, files[name]); err != nil {
			return nil, fmt.Errorf("add %s to a layer: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return static.NewLayer(b.Bytes(), types.OCIUncompressedLayer), nil
}

// order sorts by path; hard links follow all files they may point to.
func order(files map[string]File) []string {
	names := slices.Sorted(maps.Keys(files))
	slices.SortStableFunc(names, func(a, b string) int {
		return rank(files[a]) - rank(files[b])
	})
	return names
}

func rank(f File) int {
	if f.Type == tar.TypeLink {
		return 1
	}
	return 0
}

func withFolders(files map[string]File) map[string]File {
	all := maps.Clone(files)
	for name := range files {
		for d := path.Dir(name); d != "." && d != "/"; d = path.Dir(d) {
			if _, ok := all[d]; !ok {
				all[d] = File{Type: tar.TypeDir, Mode: 0o755}
			}
		}
	}
	return all
}

func writeFile(w *tar.Writer, name string, f File) error {
	h := &tar.Header{
		Typeflag: f.Type, Name: name, Linkname: f.Link, Size: int64(len(f.Content)),
		Mode: f.Mode, Uid: f.UID, Gid: f.GID, ModTime: time.Unix(0, 0),
	}
	if f.Type == tar.TypeDir {
		h.Name = strings.TrimSuffix(name, "/") + "/"
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(f.Content)
	return err
}

// New makes an image for Linux on this architecture of layers and config.
func New(architecture string, config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		return nil, fmt.Errorf("add layers: %w", err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", architecture, config
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	return mutate.ConfigFile(img, file)
}
