package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The marks in the folder of a gate.
const (
	seeded = "seeded" // the image's own files are in place: changed ones may come
	opened = "open"   // all changed ones are there
	inside = "inside" // locked by whoever brings some
)

// leave is how long the gate stays after whoever opened it has left it: the
// end of the container would take a process with it that is about to end well.
const leave = 100 * time.Millisecond

// enter keeps the gate from ending until the file it returns is closed.
func enter(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, inside), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("enter the gate: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("enter the gate: %w", err), f.Close())
	}
	return f, nil
}

// A Gate holds a container back until the files that were changed since its
// image was made are there.
type Gate struct {
	Dir   string        // for the marks
	Seeds []Mapped      // folders of the image, and where the container will find them
	Wait  time.Duration // for changed files; nobody may be watching any more
}

// Run copies the seeds, and returns when the files have come or the time is
// over. Only seeds that cannot be copied are an error.
func (g Gate) Run(ctx context.Context, stdout io.Writer) error {
	for _, s := range g.Seeds {
		if err := copyTree(s.From, s.To); err != nil {
			return fmt.Errorf("copy %s of the image: %w", s.From, err)
		}
	}
	if err := mark(filepath.Join(g.Dir, seeded)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Wait)
	defer cancel()
	if waitFor(ctx, filepath.Join(g.Dir, opened)) != nil {
		fmt.Fprintln(stdout, "nobody sends changed files: starting with those of the image")
		return nil
	}
	f, err := enter(g.Dir)
	if err != nil {
		return err
	}
	time.Sleep(leave)
	return f.Close()
}

// copyTree copies a folder; one that is not there is an empty one.
func copyTree(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(to, 0o777)
	}
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return copyOne(name, filepath.Join(to, rel), d)
	})
}

func copyOne(name, at string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	switch {
	case d.IsDir():
		return os.MkdirAll(at, info.Mode().Perm()|0o700)
	case d.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		return link(at, to)
	case d.Type().IsRegular():
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // only read
		return write(at, f, info.Mode().Perm())
	}
	return nil // sockets and devices are not the image's
}

func mark(name string) error { return os.WriteFile(name, nil, 0o644) }

// waitFor returns once a file is there.
func waitFor(ctx context.Context, name string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(name); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
