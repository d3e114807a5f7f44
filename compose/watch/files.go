package watch

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"nagi.dev/plane/receive"
)

// pack writes files as a tar stream: as they are now, and those that have gone
// as such. A folder brings all that is in it and that wanted wants.
func pack(w io.Writer, files []File, wanted func(name string) bool) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		if err := packOne(t, f, wanted); err != nil {
			return fmt.Errorf("pack %s: %w", f.From, err)
		}
	}
	return t.Close()
}

func packOne(t *tar.Writer, f File, wanted func(string) bool) error {
	info, err := os.Lstat(f.From)
	if errors.Is(err, fs.ErrNotExist) {
		return t.WriteHeader(&tar.Header{Name: f.To, Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: map[string]string{receive.Removed: "1"}})
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return packFile(t, f, info)
	}
	return filepath.WalkDir(f.From, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went meanwhile; that is a change of its own
		}
		if err != nil || d.IsDir() || !wanted(name) {
			return err
		}
		rel, err := filepath.Rel(f.From, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return packFile(t, File{name, f.To + "/" + filepath.ToSlash(rel)}, info)
	})
}

// packFile writes one file or link. A file that shrinks or grows meanwhile is
// written as long as it was: the change comes again.
func packFile(t *tar.Writer, f File, info fs.FileInfo) error {
	h := &tar.Header{Name: f.To, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime()}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(f.From)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, to
		return t.WriteHeader(h)
	case !info.Mode().IsRegular():
		return nil // sockets and devices stay here
	}
	file, err := os.Open(f.From)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyN(t, file, h.Size)
	if errors.Is(err, io.EOF) {
		_, err = io.CopyN(t, zeros{}, h.Size-n)
	}
	return err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
