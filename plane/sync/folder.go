package sync

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bound of what is read of one source: more than a ConfigMap or Secret may
// hold.
const bound = 4 << 20

// read returns the files of dir; the hidden ones of a mounted volume, and
// folders, are left out.
func read(dir string) (Files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read folder: %w", err)
	}
	out, left := Files{}, int64(bound)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // through the links of a mounted volume
		if errors.Is(err, os.ErrNotExist) || err == nil && info.IsDir() || strings.HasPrefix(e.Name(), "..") {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read folder: %w", err)
		}
		if left -= info.Size(); left < 0 {
			return nil, fmt.Errorf("read folder %s: its files are more than %d bytes", dir, bound)
		}
		if out[e.Name()], err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read folder: %w", err)
		}
	}
	return out, nil
}

// write brings dir to what p says, one file after the other.
func write(dir string, want Files, p Plan) error {
	for _, name := range p.Write {
		path := filepath.Join(dir, name)
		tmp := filepath.Join(dir, "..new-"+name)
		if err := os.WriteFile(tmp, want[name], 0o644); err != nil {
			return fmt.Errorf("write file: %w", err)
		}
		if err := os.Rename(tmp, path); err != nil {
			return fmt.Errorf("write file: %w", err)
		}
	}
	for _, name := range p.Remove {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove file: %w", err)
		}
	}
	return nil
}
