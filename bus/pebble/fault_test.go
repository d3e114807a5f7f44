package pebble_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"nagi.dev/bus"
	"nagi.dev/bus/pebble"
)

func put(t *testing.T, l bus.Log, body string) error {
	t.Helper()
	_, err := l.Append(t.Context(), "q", []bus.Entry{{Body: []byte(body)}})
	return err
}

// failing is a disk whose writes to write-ahead files fail while cause says so.
func failing(inner vfs.FS, cause func() error) vfs.FS {
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if (strings.HasSuffix(op.Path, ".log") || op.Path == "") && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			return cause()
		}
		return nil
	})
	return reuseFS{errorfs.Wrap(inner, inject), inject}
}

// errorfs leaves out files that are used again.
type reuseFS struct {
	vfs.FS
	inject errorfs.Injector
}

func (r reuseFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.ReuseForWrite(from, to, category)
	if err != nil {
		return nil, err
	}
	return errorfs.WrapFile(f, r.inject), nil
}

func TestDiskFullGivesUpTheBallastAndRefusesOnlyAppends(t *testing.T) {
	mem := vfs.NewMem()
	var on atomic.Bool
	disk := failing(mem, func() error {
		if _, err := mem.Stat("log/BALLAST"); on.Load() && err == nil {
			return syscall.ENOSPC // until the ballast is gone
		}
		return nil
	})
	l := open(t, pebble.Options{Dir: "log", FS: disk, Ballast: 1 << 20, MinFree: -1})
	for _, body := range []string{"a", "b"} {
		if err := put(t, l, body); err != nil {
			t.Fatal(err)
		}
	}
	on.Store(true)
	if err := put(t, l, "c"); err != nil {
		t.Fatalf("the append that met the full disk: %v", err)
	}
	on.Store(false)
	if _, err := mem.Stat("log/BALLAST"); err == nil {
		t.Fatal("the ballast is still there")
	}
	items, err := l.Lease(t.Context(), "q", bus.Want{Most: 3})
	if err != nil || len(items) != 3 {
		t.Fatalf("leased %d items: %v", len(items), err)
	}
	errs, err := l.Settle(t.Context(), "q", []bus.Verdict{{Number: 1, Token: items[0].Token, Act: bus.Done}})
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatalf("settling on a full disk: %v", err)
	}
}

func TestLittleRoomRefusesAppends(t *testing.T) {
	l := open(t, pebble.Options{Dir: t.TempDir(), MinFree: 1 << 62, Ballast: -1})
	if err := put(t, l, "a"); !errors.Is(err, bus.ErrFull) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("got %v", err)
	}
}

func TestFailedWriteBreaksTheLogAndLosesNothing(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var on atomic.Bool
	disk := failing(mem, func() error {
		if on.Load() {
			return syscall.EIO
		}
		return nil
	})
	l := open(t, pebble.Options{Dir: "log", FS: disk})
	if err := put(t, l, "kept"); err != nil {
		t.Fatal(err)
	}
	on.Store(true)
	if err := put(t, l, "refused"); !errors.Is(err, bus.ErrBroken) || !strings.Contains(err.Error(), "input/output") {
		t.Fatalf("got %v", err)
	}
	if _, err := l.Count(t.Context(), "q"); !errors.Is(err, bus.ErrBroken) {
		t.Fatalf("a broken log answers %v", err)
	}
	if err := l.Close(); !errors.Is(err, bus.ErrBroken) {
		t.Errorf("close says %v", err)
	}
	again := open(t, pebble.Options{Dir: "log", FS: mem.CrashClone(vfs.CrashCloneCfg{})})
	items, err := again.Lease(t.Context(), "q", bus.Want{Most: 9})
	if err != nil || len(items) == 0 || string(items[0].Body) != "kept" {
		t.Errorf("after the start: %v %v", items, err)
	}
}

// damaged changes bytes in the middle of every file of a kind.
func damaged(t *testing.T, fs vfs.FS, suffix string) {
	t.Helper()
	names, err := fs.List("log")
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, n := range names {
		if !strings.HasSuffix(n, suffix) && !strings.HasPrefix(n, suffix) {
			continue
		}
		b := readFile(t, fs, filepath.Join("log", n))
		full := len(bytes.TrimRight(b, "\x00")) // a write-ahead file has zeroes behind
		for i := full / 3; i < full/3+64 && i < full; i++ {
			b[i] ^= 0xff
		}
		f, err := fs.Create(filepath.Join("log", n), "nagi-bus")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(b)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		changed++
	}
	if changed == 0 {
		t.Fatalf("no file %s to damage among %q", suffix, names)
	}
}

func readFile(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDamagedFilesAreNamedNeverReadAsItems(t *testing.T) {
	for _, suffix := range []string{".log", ".sst", "MANIFEST"} {
		t.Run(suffix, func(t *testing.T) {
			mem := vfs.NewMem()
			for range 3 { // each start flushes what the last one wrote
				l := open(t, pebble.Options{Dir: "log", FS: mem, Ballast: -1})
				for range 300 {
					if err := put(t, l, strings.Repeat("x", 1000)); err != nil {
						t.Fatal(err)
					}
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
			damaged(t, mem, suffix)
			l, err := pebble.Open(pebble.Options{Dir: "log", FS: mem, Ballast: -1})
			if err == nil {
				defer l.Close()
				err = readAll(t, l)
			}
			if !errors.Is(err, bus.ErrDamaged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// readAll reads 900 items; only whole ones may come.
func readAll(t *testing.T, l bus.Log) error {
	t.Helper()
	items, err := l.Read(t.Context(), "q", 0, 1000)
	for _, it := range items {
		if string(it.Body) != strings.Repeat("x", 1000) {
			t.Errorf("item %d is not what was appended", it.Number)
		}
	}
	if err == nil && len(items) < 900 {
		t.Errorf("%d items of 900 and no error", len(items))
	}
	return err
}

func TestBackupIsAWholeLogAndOldTokensAreRefusedThere(t *testing.T) {
	mem := vfs.NewMem()
	l := open(t, pebble.Options{Dir: "log", FS: mem})
	for _, body := range []string{"a", "b"} {
		if err := put(t, l, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Backup(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	late, err := l.Lease(t.Context(), "q", bus.Want{})
	if err != nil {
		t.Fatal(err)
	}
	restored := open(t, pebble.Options{Dir: "copy", FS: mem})
	items, err := restored.Lease(t.Context(), "q", bus.Want{Most: 9})
	if err != nil || len(items) != 2 || items[0].Token <= late[0].Token {
		t.Fatalf("restored %+v, the late lease was %+v: %v", items, late, err)
	}
	errs, err := restored.Settle(t.Context(), "q", []bus.Verdict{{Number: 1, Token: late[0].Token, Act: bus.Done}})
	if err != nil || !errors.Is(errs[0], bus.ErrStale) {
		t.Errorf("the late worker got %v %v", errs, err)
	}
}
