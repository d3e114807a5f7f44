package receive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Removed is the PAX record of an entry that stands for a file or folder to
// take away.
const Removed = "NAGI.removed"

// Options say where files go. The zero Options put them where they are named.
type Options struct {
	Root string   // stands for /; "": /
	Maps []Mapped // the first whose From holds a path counts
	Gate string   // folder of a gate to open once all is there; "": none
}

// A Mapped folder is another one while a gate is shut.
type Mapped struct{ From, To string }

// ParseMapped reads FROM=TO, two absolute folders.
func ParseMapped(text string) (Mapped, error) {
	from, to, ok := strings.Cut(text, "=")
	if !ok || !path.IsAbs(from) || !path.IsAbs(to) {
		return Mapped{}, fmt.Errorf("%q: want FROM=TO, two absolute folders", text)
	}
	return Mapped{path.Clean(from), path.Clean(to)}, nil
}

// place returns where the file called name goes.
func (o Options) place(name string) string {
	name = path.Clean("/" + name)
	for _, m := range o.Maps {
		if rest, ok := strings.CutPrefix(name, m.From); ok && (rest == "" || rest[0] == '/' || m.From == "/") {
			name = path.Join(m.To, rest)
			break
		}
	}
	return filepath.Join("/", o.Root, filepath.FromSlash(name))
}

// maxFaults bounds the errors that are told.
const maxFaults = 10

// Run reads a tar stream and does what it says. One file that cannot be
// written does not keep the others from it.
func Run(ctx context.Context, in io.Reader, o Options) error {
	if o.Gate != "" {
		if err := waitFor(ctx, filepath.Join(o.Gate, seeded)); err != nil {
			return fmt.Errorf("wait for the image's files: %w", err)
		}
		in, err := enter(o.Gate)
		if err != nil {
			return err
		}
		defer in.Close() //nolint:errcheck // that leaves the gate
	}
	var faults []error
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read files: %w", err)
		}
		if err := o.take(h, r); err != nil && len(faults) < maxFaults {
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if o.Gate != "" {
		return mark(filepath.Join(o.Gate, opened))
	}
	return nil
}

// take does what one entry says.
func (o Options) take(h *tar.Header, r io.Reader) error {
	at := o.place(h.Name)
	if h.PAXRecords[Removed] != "" {
		if at == o.place("/") {
			return errors.New("remove /: refused")
		}
		return os.RemoveAll(at)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(at, h.FileInfo().Mode().Perm()|0o700)
	case tar.TypeSymlink:
		return link(at, h.Linkname)
	case tar.TypeReg:
		return write(at, r, h.FileInfo().Mode().Perm())
	}
	return fmt.Errorf("%s: is no file, folder or link", h.Name)
}

func link(at, to string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(to, at)
}

// write puts a file in place at once, so that a program never reads half of
// one. Where that cannot be, as for a file that is mounted alone, it is
// written over.
func write(at string, r io.Reader, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(at), ".nagi-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has been renamed, or is a leftover
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", at, err)
	}
	if info, err := os.Lstat(at); err == nil && info.IsDir() {
		if err := os.RemoveAll(at); err != nil {
			return err
		}
	}
	if os.Rename(f.Name(), at) == nil {
		return nil
	}
	return over(f.Name(), at)
}

func over(from, at string) error {
	data, err := os.Open(from)
	if err != nil {
		return err
	}
	defer data.Close() //nolint:errcheck // only read
	to, err := os.OpenFile(at, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, data)
	return errors.Join(err, to.Close())
}
