package seed

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree makes files from their contents, and returns the folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents lists a folder: modes, links, texts.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, _ := os.ReadFile(name) // of a folder or a dead link: none
		all[rel] = info.Mode().String() + " " + string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnEmptyVolumeGetsWhatTheImageHas(t *testing.T) {
	from, to := tree(t, map[string]string{"a": "one", "deep/b": "two"}), t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(from, fs.ModeSticky|0o750); err != nil {
		t.Fatal(err)
	}
	if err := Run(from, to); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(contents(t, from), contents(t, to)); d != "" {
		t.Errorf("(-image +volume):\n%s", d)
	}
	if info, err := os.Stat(to); err != nil || info.Mode() != fs.ModeDir|fs.ModeSticky|0o750 {
		t.Errorf("the volume itself has %v, %v", info.Mode(), err)
	}
}

func TestAVolumeWithFilesStaysAsItIs(t *testing.T) {
	from, to := tree(t, map[string]string{"a": "one"}), tree(t, map[string]string{"b": "mine"})
	want := contents(t, to)
	if err := Run(from, to); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, contents(t, to)); d != "" {
		t.Errorf("(-before +after):\n%s", d)
	}
}

func TestAVolumeThatWasLeftHalfFilledIsFilledAgain(t *testing.T) {
	from, to := tree(t, map[string]string{"a": "one", "b": "two"}), tree(t, map[string]string{marker: "", "a": "o"})
	if err := Run(from, to); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(contents(t, from), contents(t, to)); d != "" {
		t.Errorf("(-image +volume):\n%s", d)
	}
}

func TestAnImageWithoutTheFolderChangesNothing(t *testing.T) {
	to := t.TempDir()
	if err := Run(filepath.Join(t.TempDir(), "none"), to); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, to); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
