package compose

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// A project archive is a folder in one file. Its comment may hold lines
// "-f FILE", "--profile NAME", "--env NAME=value" and "-p NAME".
func archiveOptions(t testing.TB, a *txtar.Archive) LoadOptions {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if f.Name == wantFile {
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := LoadOptions{WorkDir: dir, Environ: []string{}, Name: "demo"} // the folder has a random name
	for line := range strings.Lines(string(a.Comment)) {
		flag, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch flag {
		case "-f":
			o.Files = append(o.Files, value)
		case "--profile":
			o.Profiles = append(o.Profiles, value)
		case "--env":
			o.Environ = append(o.Environ, value)
		case "-p":
			o.Name = value
		}
	}
	return o
}

// wantFile holds what the case expects.
const wantFile = "want.txt"

// loadArchive loads the project of an archive, which must be sound.
func loadArchive(t testing.TB, a *txtar.Archive) *Project {
	t.Helper()
	p, err := Load(t.Context(), archiveOptions(t, a))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// golden runs every archive of a folder and compares what render returns.
func golden(t *testing.T, folder string, render func(*testing.T, *Project) string) {
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives in %s: %v", folder, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name, a, render(t, loadArchive(t, a)))
		})
	}
}

func compareGolden(t *testing.T, name string, a *txtar.Archive, got string) {
	for i, f := range a.Files {
		if f.Name != wantFile {
			continue
		}
		if diff := cmp.Diff(string(f.Data), got); diff != "" && !*rewrite {
			t.Errorf("%s differs (-want +got):\n%s", wantFile, diff)
		}
		a.Files[i].Data = []byte(got)
	}
	if !*rewrite {
		return
	}
	if !bytes.Contains(txtar.Format(a), []byte("-- "+wantFile)) {
		a.Files = append(a.Files, txtar.File{Name: wantFile, Data: []byte(got)})
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
