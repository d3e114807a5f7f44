package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestFolderIsOpenToEveryUserAndMadeOnce(t *testing.T) {
	f := folders(filepath.Join(t.TempDir(), "volumes"))
	for range 2 {
		if err := f.make("pvc-1"); err != nil {
			t.Fatal(err)
		}
	}
	i, err := os.Stat(filepath.Join(string(f), "pvc-1"))
	if err != nil || i.Mode().Perm() != 0o777 {
		t.Errorf("mode = %v, %v", i.Mode(), err)
	}
	if i, err := os.Stat(string(f)); err != nil || i.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder of all = %v, %v", i.Mode(), err)
	}
}

func TestRemovalFollowsNoLink(t *testing.T) {
	outside := t.TempDir()
	precious := filepath.Join(outside, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := folders(t.TempDir())
	if err := f.make("pvc-1"); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"pvc-1/out", "pvc-2"} {
		if err := os.Symlink(outside, filepath.Join(string(f), link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pvc-1", "pvc-2", "never-made"} {
		if err := f.remove(name); err != nil {
			t.Errorf("remove %s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(string(f), name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("a file outside is gone: %v", err)
	}
	if err := f.remove("../" + filepath.Base(outside)); err == nil {
		t.Error("a name that leads out is accepted")
	}
}
