package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Bounds of what Read keeps in memory: manifests, configs and tables of
// contents. Everything else is only counted and hashed.
const (
	maxDocument  = 4 << 20
	maxDocuments = 64 << 20
	maxFiles     = 100_000
)

// An Archive is what Read found. Images holds those for Linux on this
// architecture.
type Archive struct {
	Format string // "oci" or "docker"
	Images []Found
}

// A Found is one image of an archive.
type Found struct {
	Names  []string // in full: "docker.io/library/redis:7"; none when the archive names none
	Digest string   // of the manifest; "" in a Docker archive
	Layers int
	Size   int64 // of all layers, as they lie in the archive, in bytes
}

// Names returns the names of all images.
func (a Archive) Names() []string {
	var all []string
	for _, i := range a.Images {
		all = append(all, i.Names...)
	}
	return all
}

// ErrNoArchive tells of input that is no image archive at all.
var ErrNoArchive = errors.New("it is no image archive: neither an OCI layout nor the output of docker save")

// Read checks an image archive, compressed or not, from its first byte to its
// last: every blob against its digest, every image for all its parts. It keeps
// little in memory however large the archive is.
func Read(r io.Reader) (Archive, error) {
	plain, err := Decompress(r)
	if err != nil {
		return Archive{}, explain(err)
	}
	defer plain.Close()
	c, err := readContents(plain)
	if err != nil {
		return Archive{}, explain(err)
	}
	switch {
	case c.documents["index.json"] != nil:
		return c.oci()
	case c.documents["manifest.json"] != nil:
		return c.docker()
	}
	return Archive{}, fmt.Errorf("read archive: %w", ErrNoArchive)
}

// explain puts the usual end of a broken download into words.
func explain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("read archive: it ends too early; was it copied in full?")
	}
	return err
}

// contents is what the files of an archive came to.
type contents struct {
	sizes     map[string]int64  // of each file by its path; links have the size of their target
	documents map[string][]byte // small files that may be JSON
	kept      int64             // bytes in documents
}

func readContents(r io.Reader) (contents, error) {
	c := contents{sizes: map[string]int64{}, documents: map[string][]byte{}}
	in := &counter{r: r}
	for t := tar.NewReader(in); ; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, tar.ErrHeader) || err != nil && 0 < in.n && in.n < 512 { // less than one header
			return c, fmt.Errorf("read archive: %w", ErrNoArchive)
		}
		if err != nil {
			return c, fmt.Errorf("read archive: %w", err)
		}
		if len(c.sizes) == maxFiles {
			return c, fmt.Errorf("read archive: it has more than %d files", maxFiles)
		}
		if err := c.add(h, t); err != nil {
			return c, err
		}
	}
	_, err := io.Copy(io.Discard, r) // what follows the tar file still has to decompress
	return c, err
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *contents) add(h *tar.Header, r io.Reader) error {
	name := path.Clean(h.Name)
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeSymlink, tar.TypeLink: // docker save links layers that repeat
		target := path.Clean(h.Linkname)
		if h.Typeflag == tar.TypeSymlink {
			target = path.Join(path.Dir(name), h.Linkname)
		}
		if size, ok := c.sizes[target]; ok {
			c.sizes[name] = size
		}
		return nil
	default:
		return nil
	}
	sum := sha256.New()
	var doc bytes.Buffer
	to := io.Writer(sum)
	if h.Size <= maxDocument && c.kept+h.Size <= maxDocuments {
		to = io.MultiWriter(sum, &doc)
	}
	if _, err := io.Copy(to, r); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if want, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && want != hex.EncodeToString(sum.Sum(nil)) {
		return fmt.Errorf("read %s: its content does not match its digest; the archive is damaged", name)
	}
	c.sizes[name] = h.Size
	if data := doc.Bytes(); len(data) > 0 && (data[0] == '{' || data[0] == '[') {
		c.documents[name], c.kept = data, c.kept+h.Size
	}
	return nil
}
