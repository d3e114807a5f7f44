package assemble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
)

// hello is a recipe that needs no package, and the module it is built from.
func hello(t *testing.T, says string) (Recipe, string) {
	t.Helper()
	project := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.org/hello\n\ngo 1.26\n",
		"main.go": "package main\n\nfunc main() { println(\"" + says + "\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Recipe{
		Name:     "hello",
		Names:    []string{"example.org/hello:1"},
		Files:    map[string]archive.File{"etc/hello": Text("hi\n"), "tmp": Folder(0o1777, 0)},
		Programs: map[string]Program{"hello": {Dir: ".", Package: ".", Alone: true}},
		Users:    []User{{Name: "nobody", ID: 65534, Home: "/"}},
		Config:   v1.Config{Entrypoint: []string{"/hello"}},
	}, project
}

func build(t *testing.T, o Options, r Recipe) (image, log string) {
	t.Helper()
	var b strings.Builder
	o.Log = &b
	if err := Build(t.Context(), o, r); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(o.Out, r.Name+".tar"))
	if err != nil {
		t.Fatal(err)
	}
	return digest(data), b.String()
}

func TestBuildTwiceGivesEqualImages(t *testing.T) {
	one, p1 := hello(t, "hi")
	two, p2 := hello(t, "hi") // the same, in another folder
	a, _ := build(t, Options{Out: t.TempDir(), Project: p1}, one)
	b, _ := build(t, Options{Out: t.TempDir(), Project: p2}, two)
	if a != b {
		t.Errorf("digests %s and %s", a, b)
	}
}

func TestBuildLeavesWhatDidNotChange(t *testing.T) {
	out := t.TempDir()
	r, project := hello(t, "hi")
	first, _ := build(t, Options{Out: out, Project: project}, r)
	if _, log := build(t, Options{Out: out, Project: project}, r); !strings.Contains(log, "unchanged") {
		t.Errorf("the second time: %s", log)
	}
	r, project = hello(t, "good day")
	if again, log := build(t, Options{Out: out, Project: project}, r); again == first || strings.Contains(log, "unchanged") {
		t.Errorf("a changed program gave the same image: %s", log)
	}
}

func TestBuildNamesTheProgramThatDoesNotCompile(t *testing.T) {
	r, project := hello(t, `"`)
	out := t.TempDir()
	err := Build(t.Context(), Options{Out: out, Project: project}, r)
	if err == nil || !strings.HasPrefix(err.Error(), "make image hello: build . in ") {
		t.Errorf("Build = %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "hello.tar")); err == nil {
		t.Error("an archive was left behind")
	}
}
