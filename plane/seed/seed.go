package seed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// marker stands in a volume while it is filled: one that was left half filled
// is filled again.
const marker = ".nagi-seeding"

// Run copies the folder from into the volume at to, if that is empty. An image
// that has no such folder leaves the volume as it is.
func Run(from, to string) error {
	if err := fill(from, to); err != nil {
		return fmt.Errorf("fill volume with %s: %w", from, err)
	}
	return nil
}

func fill(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	if empty, err := isEmpty(to); err != nil || !empty {
		return err
	}
	mark := filepath.Join(to, marker)
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return err
	}
	if err := copyBelow(from, to); err != nil {
		return err
	}
	if err := dress(to, info); err != nil {
		return err
	}
	return os.Remove(mark)
}

// isEmpty tells whether a volume is new. A file system of its own has a folder
// for what its check finds.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	named := func(name string) func(os.DirEntry) bool {
		return func(e os.DirEntry) bool { return e.Name() == name }
	}
	if slices.ContainsFunc(entries, named(marker)) {
		return true, nil
	}
	return len(slices.DeleteFunc(entries, named("lost+found"))) == 0, nil
}

// copyBelow copies what lies in from. A link stays a link; what is neither
// file, folder nor link is left out, as it means nothing on another disk.
func copyBelow(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := copyOne(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), info); err != nil {
			return err
		}
	}
	return nil
}

func copyOne(from, to string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return copyLink(from, to, info)
	case info.IsDir():
		if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := copyBelow(from, to); err != nil {
			return err
		}
	case info.Mode().IsRegular():
		if err := copyFile(from, to); err != nil {
			return err
		}
	default:
		return nil
	}
	return dress(to, info)
}

func copyLink(from, to string, info fs.FileInfo) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a copy that was cut short
		return err
	}
	if err := os.Symlink(target, to); err != nil {
		return err
	}
	uid, gid := owner(info)
	return os.Lchown(to, uid, gid)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}

// dress gives a copy the owner, the mode and the time of what it was made from.
func dress(to string, info fs.FileInfo) error {
	uid, gid := owner(info)
	if err := os.Chown(to, uid, gid); err != nil { // before the mode: it clears some bits
		return err
	}
	if err := os.Chmod(to, info.Mode()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

func owner(info fs.FileInfo) (uid, gid int) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), int(s.Gid)
	}
	return -1, -1 // stays as it is
}
