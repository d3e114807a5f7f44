package pebble

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A spareFS keeps one file of zeroes ready for the next write-ahead file. A
// sync of bytes that lie inside a file is a third quicker than one that makes
// the file grow. Pebble itself uses old write-ahead files again, so spares
// are only wanted until it has some; it reads zeroes as the end.
type spareFS struct {
	vfs.FS
	dir, spare string
	size       int

	mu    sync.Mutex // guards ready; held while a spare is made
	ready bool
}

func newSpareFS(fs vfs.FS, dir string, size int) *spareFS {
	s := &spareFS{FS: fs, dir: filepath.Clean(dir), spare: fs.PathJoin(dir, "SPARE"), size: size}
	s.lay()
	return s
}

// Unwrap is vfs.FS's.
func (s *spareFS) Unwrap() vfs.FS { return s.FS }

// Create gives a write-ahead file the spare, and lays the next one.
func (s *spareFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !strings.HasSuffix(name, ".log") || filepath.Dir(name) != s.dir || !s.mu.TryLock() {
		return s.FS.Create(name, category)
	}
	ready := s.ready
	s.ready = false
	s.mu.Unlock()
	if !ready {
		return s.FS.Create(name, category)
	}
	f, err := s.FS.ReuseForWrite(s.spare, name, category)
	if err != nil {
		return s.FS.Create(name, category)
	}
	go s.lay()
	return f, nil
}

// lay makes the spare. Without one all goes on, slower.
func (s *spareFS) lay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = s.fill() == nil
	if !s.ready {
		_ = s.FS.Remove(s.spare) // half of it helps nobody
	}
}

func (s *spareFS) fill() error {
	f, err := s.FS.Create(s.spare, "nagi-bus")
	if err != nil {
		return err
	}
	zeroes := make([]byte, 256<<10)
	for left := s.size; left > 0 && err == nil; left -= len(zeroes) {
		_, err = f.Write(zeroes)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
