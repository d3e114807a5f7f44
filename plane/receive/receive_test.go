package receive

import (
	"archive/tar"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An entry of a stream: a file unless its name ends in / or begins with -.
func stream(t testing.TB, entries ...string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		name, text, _ := strings.Cut(e, "=")
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o644}
		switch gone, removed := strings.CutPrefix(name, "-"); {
		case removed:
			h.Name, h.PAXRecords, h.Size = strings.TrimSuffix(gone, "/"), map[string]string{Removed: "1"}, 0
		case strings.HasSuffix(name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case strings.HasPrefix(text, "->"):
			h.Typeflag, h.Linkname, h.Size, text = tar.TypeSymlink, text[2:], 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// tree lists the files below a folder: "app/a=1".
func tree(t testing.TB, root string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if to, err := os.Readlink(name); err == nil {
			all = append(all, rel+"->"+to)
			return nil
		}
		b, err := os.ReadFile(name)
		all = append(all, rel+"="+string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		maps    []Mapped
		want    []string
		err     string
	}{
		{"a file is replaced, another is new", []string{"/app/a=2", "/app/new/b=1"}, nil, []string{"app/a=2", "app/new/b=1", "app/old=0"}, ""},
		{"what was removed goes, a folder with all in it", []string{"-/app"}, nil, nil, ""},
		{"what is not there is removed already", []string{"-/app/none"}, nil, []string{"app/a=1", "app/old=0"}, ""},
		{"a file takes the place of a folder", []string{"/app=x"}, nil, []string{"app=x"}, ""},
		{"a link points elsewhere", []string{"/app/a=->old"}, nil, []string{"app/a->old", "app/old=0"}, ""},
		{"behind a gate a folder is another", []string{"/app/a=2", "/application=x"}, []Mapped{{"/app", "/sync"}}, []string{"app/a=1", "app/old=0", "application=x", "sync/a=2"}, ""},
		{"no name leads out", []string{"../../out=1"}, nil, []string{"app/a=1", "app/old=0", "out=1"}, ""},
		{"the root is not removed", []string{"-/."}, nil, []string{"app/a=1", "app/old=0"}, "remove /: refused"},
		{"one that cannot be written does not keep others from it", []string{"/app/a/b=1", "/app/old=2"}, nil, []string{"app/a=1", "app/old=2"}, "not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if err := Run(t.Context(), stream(t, "/app/a=1", "/app/old=0"), Options{Root: root}); err != nil {
				t.Fatal(err)
			}
			err := Run(t.Context(), stream(t, tt.entries...), Options{Root: root, Maps: tt.maps})
			if err == nil && tt.err != "" || err != nil && (tt.err == "" || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("err = %v, want %q", err, tt.err)
			}
			if got := tree(t, root); !slices.Equal(got, tt.want) {
				t.Errorf("files %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAGateOpensWhenTheFilesHaveCome(t *testing.T) {
	root, gate, sync := t.TempDir(), t.TempDir(), t.TempDir()
	if err := Run(t.Context(), stream(t, "/a=image", "/b=image", "/c=->a"), Options{Root: root}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- Gate{Dir: gate, Seeds: []Mapped{{root, sync}}, Wait: time.Minute}.Run(t.Context(), &bytes.Buffer{})
	}()
	if err := Run(t.Context(), stream(t, "/app/a=changed"), Options{Maps: []Mapped{{"/app", sync}}, Gate: gate}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := tree(t, sync); !slices.Equal(got, []string{"a=changed", "b=image", "c->a"}) {
		t.Errorf("files %q", got)
	}
}

func TestAGateDoesNotWaitForEver(t *testing.T) {
	var out bytes.Buffer
	err := Gate{Dir: t.TempDir(), Seeds: []Mapped{{"/no/such/folder", filepath.Join(t.TempDir(), "x")}}, Wait: time.Millisecond}.Run(t.Context(), &out)
	if err != nil || !strings.Contains(out.String(), "nobody sends") {
		t.Errorf("err = %v, it says %q", err, &out)
	}
}

func TestParseMapped(t *testing.T) {
	if m, err := ParseMapped("/app/=/.nagi-sync/0"); err != nil || m != (Mapped{"/app", "/.nagi-sync/0"}) {
		t.Errorf("mapped = %v, %v", m, err)
	}
	for _, bad := range []string{"", "/app", "app=/x", "/app=x"} {
		if _, err := ParseMapped(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzRun(f *testing.F) {
	f.Add(stream(f, "/app/a=1", "-/b", "c/", "d=->a").Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		if links(b) {
			return // one leads where it likes: the container is its own
		}
		_ = Run(context.Background(), bytes.NewReader(b), Options{Root: root})
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("it left its root: %v", left)
		}
	})
}

func links(b []byte) bool {
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err != nil {
			return false
		}
		if h.Typeflag == tar.TypeSymlink {
			return true
		}
	}
}
