package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImagesCarryTheNamesOfTheTestSuite(t *testing.T) {
	sources := t.TempDir()
	for _, f := range []string{"agnhost/porter/localhost.crt", "agnhost/porter/localhost.key", "kitten/html/kitten.jpg", "kitten/html/data.json", "nautilus/html/nautilus.jpg", "nautilus/html/data.json"} {
		p := filepath.Join(sources, "test/images", f)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := images(sources)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range all {
		for _, n := range r.Names {
			if seen[n] || !strings.Contains(n, ":") {
				t.Errorf("%s: the name %q is taken or has no version", r.Name, n)
			}
			seen[n] = true
		}
	}
}

func TestMissingSourcesAreAFault(t *testing.T) {
	if _, err := images(t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "read test image: ") {
		t.Errorf("images = %v", err)
	}
}
