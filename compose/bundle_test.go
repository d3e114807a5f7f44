package compose

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"nagi.dev/api/v1alpha1"
)

func TestBundles(t *testing.T) {
	golden(t, "bundle", func(t *testing.T, p *Project) string {
		b := mustBundle(t, p)
		var out bytes.Buffer
		if err := Render(&out, b.Objects()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	})
}

func mustBundle(t testing.TB, p *Project) Bundle {
	t.Helper()
	b, err := NewBundle(p, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What the controller reads is what the command line saw: a dry run and the
// real one make the same objects.
func TestParsingABundleGivesTheSameObjects(t *testing.T) {
	var names []string
	for _, folder := range []string{"report", "bundle"} {
		more, err := filepath.Glob("testdata/" + folder + "/*.txtar")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, more...)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sameObjects(t, loadArchive(t, a))
		})
	}
	for i, a := range objectArchives(t) {
		t.Run(fmt.Sprintf("objects %d", i), func(t *testing.T) {
			p, err := Load(t.Context(), archiveOptions(t, a))
			if err != nil {
				return // names files that are made up by that test
			}
			p.KeepWatch(true)
			sameObjects(t, p)
		})
	}
}

func objectArchives(t *testing.T) []*txtar.Archive {
	var out []*txtar.Archive
	for _, name := range archives(t) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func sameObjects(t *testing.T, p *Project) {
	t.Helper()
	b := mustBundle(t, p)
	parsed, err := Parse(b.Stack.Spec.Compose, b.Stack.Spec.Assets)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.Stack.Spec.Compose)
	}
	seen := *p.Project
	seen.Services = types.Services{}
	for name, s := range p.Services {
		if s.Image == "" {
			s.Image = p.buildName(name)
		}
		seen.Services[name] = s
	}
	want, got := objectText(t, &seen, b.Stack.Spec.Assets), objectText(t, parsed, b.Stack.Spec.Assets)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("loaded and parsed differ (-loaded +parsed):\n%s", diff)
	}
}

func objectText(t *testing.T, p *types.Project, assets []v1alpha1.Asset) string {
	t.Helper()
	objs, err := Objects(p, assets, ObjectOptions{})
	if err != nil {
		return "error: " + err.Error()
	}
	var b bytes.Buffer
	if err := Render(&b, objs); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSecretsAreNeverInTheText(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "compose.yaml", `
services:
  web:
    image: nginx
    configs: [c]
    secrets: [file, env]
configs:
  c: {content: "hidden-in-config"}
secrets:
  file: {file: ./s.txt}
  env: {environment: S}
`)
	write(t, dir, "s.txt", "hidden-in-file")
	p, err := Load(t.Context(), LoadOptions{WorkDir: dir, Environ: []string{"S=hidden-in-variable"}})
	if err != nil {
		t.Fatal(err)
	}
	b := mustBundle(t, p)
	for _, word := range []string{"hidden", dir} {
		if strings.Contains(b.Stack.Spec.Compose, word) {
			t.Errorf("%q stands in\n%s", word, b.Stack.Spec.Compose)
		}
	}
	if len(b.Secrets) != 2 || len(b.ConfigMaps) != 1 {
		t.Errorf("%d secrets, %d config maps", len(b.Secrets), len(b.ConfigMaps))
	}
}

func TestALargeFolderIsSpreadOverSeveralObjects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "compose.yaml", "services:\n  web:\n    image: nginx\n    volumes: [\"./big:/big\"]\n")
	for i := range 5 {
		write(t, dir, fmt.Sprintf("big/%d", i), strings.Repeat(fmt.Sprint(i), 400<<10))
	}
	p, err := Load(t.Context(), LoadOptions{WorkDir: dir, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	b := mustBundle(t, p)
	if len(b.ConfigMaps) != 3 {
		t.Fatalf("%d objects, want 3", len(b.ConfigMaps))
	}
	files := 0
	for _, o := range b.Stack.Spec.Assets[0].Objects {
		files += len(o.Items)
	}
	if files != 5 {
		t.Errorf("%d files, want 5", files)
	}
}

func TestANewContentIsANewName(t *testing.T) {
	names := map[string]bool{}
	for _, text := range []string{"a", "b", "a"} {
		dir := t.TempDir()
		write(t, dir, "compose.yaml", "name: shop\nservices:\n  web:\n    image: nginx\n    configs: [c]\nconfigs:\n  c: {content: "+text+"}\n")
		p, err := Load(t.Context(), LoadOptions{WorkDir: dir, Environ: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		b := mustBundle(t, p)
		name := b.Stack.Spec.Assets[0].Objects[0].Name
		if !strings.HasPrefix(name, "shop-config-c-") {
			t.Error(name)
		}
		names[name] = true
	}
	if len(names) != 2 {
		t.Errorf("%d names for two contents", len(names))
	}
}

func TestParseRefusesWhatLeadsToFiles(t *testing.T) {
	for name, text := range map[string]string{
		"an include":    "name: a\ninclude: [/etc/passwd]\nservices:\n  web: {image: nginx}\n",
		"an env file":   "name: a\nservices:\n  web: {image: nginx, env_file: /etc/passwd}\n",
		"a label file":  "name: a\nservices:\n  web: {image: nginx, label_file: /etc/passwd}\n",
		"an extends":    "name: a\nservices:\n  web: {image: nginx, extends: {file: /etc/passwd, service: x}}\n",
		"no name":       "services:\n  web: {image: nginx}\n",
		"a wrong name":  "name: A_b\nservices:\n  web: {image: nginx}\n",
		"two documents": "name: a\nservices:\n  web: {image: nginx}\n---\nservices: {}\n",
		"no text":       "",
	} {
		if _, err := Parse(text, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	twice := []v1alpha1.Asset{{Key: "config/a"}, {Key: "config/a"}}
	if _, err := Parse("name: a\nservices:\n  web: {image: nginx}\n", twice); err == nil {
		t.Error("an asset that is there twice is accepted")
	}
}

func TestParseFillsInNothing(t *testing.T) {
	p, err := Parse("name: a\nservices:\n  web: {image: nginx, environment: {A: '${HOME}', B: $$x}}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := *p.Services["web"].Environment["A"]; got != "${HOME}" {
		t.Error(got)
	}
	if got := *p.Services["web"].Environment["B"]; got != "$$x" {
		t.Error(got)
	}
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
