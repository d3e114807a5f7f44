package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxFolders bounds how many folders are watched: the kernel's own bound is
// shared by all programs.
const maxFolders = 8192

// How changes are gathered: an editor or a checkout makes many at once.
const (
	quiet    = 80 * time.Millisecond  // so long after the last change
	patience = 500 * time.Millisecond // at most so long after the first
	most     = 20_000                 // changes of one batch; beyond them the folders are read anew
)

// A notifier tells of changed files.
type notifier struct {
	rules   []rule
	watcher *fsnotify.Watcher
	folders map[string]bool
}

func newNotifier(rules []rule) (*notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	n := &notifier{rules: rules, watcher: w, folders: map[string]bool{}}
	for _, r := range rules {
		if _, err := n.add(r.Path); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return n, nil
}

// add watches a folder and all below it, and returns the files in it. A file
// is watched through its folder, as editors replace it.
func (n *notifier) add(name string) (files []string, err error) {
	err = filepath.WalkDir(name, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) && at != name {
				return nil
			}
			return err
		}
		if !d.IsDir() {
			files = append(files, at)
			if at == name {
				return n.folder(filepath.Dir(at))
			}
			return nil
		}
		if at != name && n.skipped(at) {
			return filepath.SkipDir
		}
		return n.folder(at)
	})
	return files, err
}

// skipped tells whether no rule wants anything of a folder.
func (n *notifier) skipped(dir string) bool {
	for _, r := range n.rules {
		if !r.skips(dir) {
			return false
		}
	}
	return true
}

func (n *notifier) folder(dir string) error {
	if n.folders[dir] {
		return nil
	}
	if len(n.folders) == maxFolders {
		return fmt.Errorf("watch %s: more than %d folders; ignore those that are not yours in develop.watch or .dockerignore", dir, maxFolders)
	}
	if err := n.watcher.Add(dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	n.folders[dir] = true
	return nil
}

// run sends batches of changed files until ctx ends. Faults are told.
func (n *notifier) run(ctx context.Context, out chan<- []string, fault func(error)) {
	defer n.watcher.Close() //nolint:errcheck // it only watched
	changed := map[string]bool{}
	var first time.Time
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		select {
		case e, ok := <-n.watcher.Events:
			if !ok {
				return
			}
			n.note(e, changed, fault)
		case err := <-n.watcher.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				n.all(changed)
			} else {
				fault(fmt.Errorf("watch files: %w", err))
			}
		case <-due.C:
			if !send(ctx, out, changed) {
				return
			}
			changed, first = map[string]bool{}, time.Time{}
			continue
		case <-ctx.Done():
			return
		}
		if len(changed) > 0 {
			if first.IsZero() {
				first = time.Now()
			}
			due.Reset(min(quiet, max(0, patience-time.Since(first))))
		}
	}
}

// note remembers what an event is about, and watches new folders.
func (n *notifier) note(e fsnotify.Event, changed map[string]bool, fault func(error)) {
	if e.Op == fsnotify.Chmod && !n.wanted(e.Name) || len(changed) >= most {
		return
	}
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		delete(n.folders, e.Name)
	}
	if e.Has(fsnotify.Create) && !n.skipped(e.Name) {
		files, err := n.add(e.Name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			fault(err)
		}
		for _, f := range files {
			changed[f] = true
		}
		if n.folders[e.Name] {
			return // its files are what counts
		}
	}
	if !n.folders[e.Name] {
		changed[e.Name] = true
	}
}

func (n *notifier) wanted(name string) bool {
	for _, r := range n.rules {
		if r.covers(name) {
			return true
		}
	}
	return false
}

// all takes every file as changed: the kernel lost count.
func (n *notifier) all(changed map[string]bool) {
	for _, r := range n.rules {
		files, _ := n.add(r.Path) // what cannot be read now comes with its own event
		for _, f := range files {
			changed[f] = true
		}
	}
}

func send(ctx context.Context, out chan<- []string, changed map[string]bool) bool {
	if len(changed) == 0 {
		return true
	}
	batch := make([]string, 0, len(changed))
	for name := range changed {
		batch = append(batch, name)
	}
	select {
	case out <- batch:
		return true
	case <-ctx.Done():
		return false
	}
}
