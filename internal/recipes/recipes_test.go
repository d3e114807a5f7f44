package recipes

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

func TestEveryImageHasAFileAndFullNamesOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		if r.Name == "" || len(r.Names) == 0 {
			t.Errorf("recipe %q has no file name or no image name", r.Name)
		}
		for _, n := range append(r.Names, r.Name) {
			if seen[n] {
				t.Errorf("two images are called %s", n)
			}
			seen[n] = true
		}
		for _, n := range r.Names {
			ref, err := name.ParseReference(n)
			if err != nil {
				t.Errorf("%s: %v", r.Name, err)
			} else if got := strings.Replace(ref.Name(), "index.docker.io", "docker.io", 1); got != n {
				t.Errorf("%s is short for %s: a lookup would miss it", n, got)
			}
		}
	}
}

func TestEntryPointsAreExecutable(t *testing.T) {
	for _, r := range All() {
		for p, f := range r.Files {
			if strings.HasPrefix(string(f.Content), "#!") && f.Mode&0o111 == 0 {
				t.Errorf("%s: %s cannot be executed", r.Name, p)
			}
			if strings.HasPrefix(p, "/") {
				t.Errorf("%s: %s has a leading slash", r.Name, p)
			}
		}
	}
}
