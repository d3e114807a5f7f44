package watch

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nagi.dev/compose"
	"nagi.dev/plane/receive"
)

// A fleet stands for the pods of a cluster: each has files.
type fleet struct {
	mu    sync.Mutex
	pods  []Pod
	files map[string]map[string]string // pod: what it holds
	did   []string
	deaf  bool // takes no files
}

func (f *fleet) Pods(context.Context) ([]Pod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Pod(nil), f.pods...), nil
}

func (f *fleet) Receive(_ context.Context, p Pod, in io.Reader) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf {
		return errors.New("read-only file system")
	}
	if f.files[p.Name] == nil {
		f.files[p.Name] = map[string]string{}
	}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.PAXRecords[receive.Removed] != "" {
			delete(f.files[p.Name], h.Name)
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		f.files[p.Name][h.Name] = string(b)
	}
}

func (f *fleet) Exec(_ context.Context, p Pod, command []string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, p.Name+" runs "+strings.Join(command, " "))
	return "reloaded\n", nil
}

func (f *fleet) Restart(_ context.Context, service string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, service+" starts again")
	return nil
}

func (f *fleet) has(pod, name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[pod][name]
}

// until asks again and again: files are watched by the kernel, in real time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never seen: %s", what)
		}
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// begin watches a folder until the test ends, and returns what is said.
func begin(t *testing.T, f *fleet, triggers ...compose.Trigger) func() string {
	t.Helper()
	var mu sync.Mutex
	var said strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	started := make(chan struct{}, 1)
	go func() {
		started <- struct{}{}
		done <- Run(ctx, Options{Triggers: triggers, Pods: f, Say: func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&said, format+"\n", args...)
		}})
	}()
	<-started
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return said.String()
	}
}

func TestChangesReachEveryPod(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "src", "a"), "1")
	f := &fleet{files: map[string]map[string]string{}, pods: []Pod{
		{Name: "web-1", UID: "1", Service: "web", Running: "r1"},
		{Name: "web-2", UID: "2", Service: "web", Running: "r1"},
		{Name: "db-1", UID: "3", Service: "db", Running: "r1"},
	}}
	src := trigger(filepath.Join(dir, "src"), "sync", "/app/")
	src.InitialSync = true
	said := begin(t, f, src)
	until(t, "the initial sync", func() bool { return f.has("web-1", "/app/a") == "1" && f.has("web-2", "/app/a") == "1" })

	put(t, filepath.Join(dir, "src", "a"), "2")
	put(t, filepath.Join(dir, "src", "deep", "er", "b"), "3")
	until(t, "a change and a new folder", func() bool {
		return f.has("web-1", "/app/a") == "2" && f.has("web-2", "/app/deep/er/b") == "3"
	})
	if err := os.RemoveAll(filepath.Join(dir, "src", "deep")); err != nil {
		t.Fatal(err)
	}
	until(t, "a file that goes", func() bool { return f.has("web-1", "/app/deep/er/b") == "" })

	f.mu.Lock()
	f.pods[1] = Pod{Name: "web-3", UID: "4", Service: "web", Gate: true}
	f.mu.Unlock()
	until(t, "a pod that was replaced has all", func() bool { return f.has("web-3", "/app/a") == "2" })
	if f.has("db-1", "/app/a") != "" {
		t.Error("another service got files")
	}
	t.Log(said())
}

func TestAPodThatTakesNothingDoesNotEndTheWatch(t *testing.T) {
	dir := t.TempDir()
	f := &fleet{files: map[string]map[string]string{}, deaf: true, pods: []Pod{{Name: "web-1", UID: "1", Service: "web", Running: "r1"}}}
	said := begin(t, f, trigger(dir, "sync", "/app"))
	until(t, "the fault is told", func() bool {
		put(t, filepath.Join(dir, "a"), fmt.Sprint(time.Now().UnixNano())) // the watch may not have begun yet
		return strings.Contains(said(), "web-1: read-only file system")
	})
	f.mu.Lock()
	f.deaf = false
	f.mu.Unlock()
	put(t, filepath.Join(dir, "b"), "x")
	until(t, "the next change comes", func() bool { return f.has("web-1", "/app/b") == "x" })
}

func TestRestartsCommandsAndBuilds(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"restart", "exec", "build"} {
		put(t, filepath.Join(dir, d, "first"), "")
	}
	f := &fleet{files: map[string]map[string]string{}, pods: []Pod{{Name: "web-1", UID: "1", Service: "web", Running: "r1"}}}
	exec := trigger(filepath.Join(dir, "exec"), "sync+exec", "/etc/x")
	exec.Exec = []string{"reload", "now"}
	said := begin(t, f, trigger(filepath.Join(dir, "restart"), "restart", ""), exec, trigger(filepath.Join(dir, "build"), "rebuild", ""))
	for d, want := range map[string]string{
		"restart": "web: a change, starts again\n", "exec": "web-1 | reloaded\n", "build": "web: its image is to be built anew",
	} {
		until(t, d, func() bool {
			put(t, filepath.Join(dir, d, "a"), fmt.Sprint(time.Now().UnixNano()))
			return strings.Contains(said(), want)
		})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if all := strings.Join(f.did, ", "); !strings.Contains(all, "web starts again") || !strings.Contains(all, "web-1 runs reload now") {
		t.Errorf("it did %s", all)
	}
}
