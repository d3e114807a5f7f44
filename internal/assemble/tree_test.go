package assemble

import (
	"archive/tar"
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/internal/archive"
)

func packageOf(t *testing.T, headers ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestAddTarMergesUsr(t *testing.T) {
	tree := Tree{}
	err := tree.addTar(packageOf(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./bin/tool", Mode: 0o4755, Uid: 7},
		tar.Header{Name: "./bin/twin", Typeflag: tar.TypeLink, Linkname: "./bin/tool"},
		tar.Header{Name: "./lib/a.so", Typeflag: tar.TypeSymlink, Linkname: "a.so.1"},
		tar.Header{Name: "./lib/up", Typeflag: tar.TypeSymlink, Linkname: "../usr/share/up"},
		tar.Header{Name: "./usr/share/doc/tool/changelog.gz"},
		tar.Header{Name: "./usr/share/doc/tool/copyright"},
	), newDropper(dropped))
	if err != nil {
		t.Fatal(err)
	}
	want := Tree{
		"usr/bin/tool":                 {Type: tar.TypeReg, Mode: 0o4755, UID: 7, Content: []byte{}},
		"usr/bin/twin":                 {Type: tar.TypeLink, Link: "usr/bin/tool"},
		"usr/lib/a.so":                 {Type: tar.TypeSymlink, Link: "a.so.1"},
		"usr/lib/up":                   {Type: tar.TypeSymlink, Link: "/usr/share/up"},
		"usr/share/doc/tool/copyright": {Type: tar.TypeReg, Content: []byte{}},
	}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Error(diff)
	}
}

func TestAddTarRefusesDevices(t *testing.T) {
	err := Tree{}.addTar(packageOf(t, tar.Header{Name: "./dev/null", Typeflag: tar.TypeChar}), nil)
	if err == nil || !strings.Contains(err.Error(), "device") {
		t.Errorf("addTar = %v", err)
	}
}

func TestWithoutKeepsWhatDiffers(t *testing.T) {
	base := Tree{"a": Text("1"), "b": Text("2")}
	own := Tree{"a": Text("1"), "b": Text("3"), "c": Text("4")}.without(base)
	if got := slices.Sorted(maps.Keys(own)); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("own files %q, want b and c", got)
	}
}

func TestAddUsersFollowsThoseOfTheBase(t *testing.T) {
	base := Tree{"etc/passwd": Text("root:x:0:0::/root:/bin/sh\n")}
	tree := maps.Clone(base)
	tree.addUsers([]User{{Name: "redis", ID: 999, Home: "/data"}})
	if got, want := string(tree["etc/passwd"].Content), "root:x:0:0::/root:/bin/sh\nredis:x:999:999::/data:/usr/sbin/nologin\n"; got != want {
		t.Errorf("passwd %q, want %q", got, want)
	}
	if got := string(base["etc/passwd"].Content); strings.Contains(got, "redis") {
		t.Errorf("the base changed too: %q", got)
	}
}

func TestGlob(t *testing.T) {
	tree := Tree{"usr/lib/postgresql/15/bin/psql": {}, "usr/lib/postgresql/15/lib/bitcode/a/b.bc": {}, "usr/lib/other": {}}
	for _, tt := range []struct {
		name, pattern string
		want          []string
	}{
		{"a star stays in its folder", "usr/lib/*", []string{"usr/lib/other"}},
		{"a star stands for a folder", "usr/lib/postgresql/*/bin/*", []string{"usr/lib/postgresql/15/bin/psql"}},
		{"two stars stand for several", "usr/**/bitcode/**", []string{"usr/lib/postgresql/15/lib/bitcode/a/b.bc"}},
		{"a dot is a dot", "usr/lib/othe.", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tree.Glob(tt.pattern); !slices.Equal(got, tt.want) {
				t.Errorf("Glob(%q) = %q, want %q", tt.pattern, got, tt.want)
			}
		})
	}
}

func TestFinishDebianNeedsItsFiles(t *testing.T) {
	tree := Tree{
		"usr/share/base-passwd/passwd.master": Text("root:*:0:0\n"), "usr/share/base-passwd/group.master": Text("root:*:0:\n"),
		"usr/share/libc-bin/nsswitch.conf": Text("hosts: files dns\n"), "usr/share/base-files/profile": {Type: tar.TypeReg},
	}
	if err := finishDebian(tree); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Text("root:*:0:0\n"), tree["etc/passwd"]); diff != "" {
		t.Error(diff)
	}
	if err := finishDebian(Tree{"etc": archive.File{}}); err == nil {
		t.Error("a base without passwd is fine")
	}
}
