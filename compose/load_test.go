package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// shop is a folder with most of what a load looks at.
const shop = `
-- shop/compose.yaml --
services:
  web: {image: "nginx:${TAG:-none}"}
  debug: {image: busybox, profiles: [debug]}
-- shop/compose.override.yaml --
services:
  web: {tty: true}
-- shop/.env --
TAG=from-env-file
-- shop/other.env --
TAG=other
-- shop/deep/below/readme --
-- shop/named.yaml --
name: Named_By.File
services:
  web: {image: nginx}
-- shop/a.yaml --
services:
  web: {image: a}
-- shop/b.yaml --
services:
  web: {hostname: b}
-- elsewhere/.env --
COMPOSE_FILE=../shop/a.yaml:../shop/b.yaml
COMPOSE_PROJECT_NAME=from-env-file
`

func TestLoadFindsWhatComposeFinds(t *testing.T) {
	for _, tt := range []struct {
		name string
		dir  string
		o    LoadOptions
		want string // name, image, tty, host name, services
	}{
		{"the default file, its override and .env", "shop", LoadOptions{}, "shop nginx:from-env-file true  web"},
		{"a file of a folder above", "shop/deep/below", LoadOptions{}, "shop nginx:from-env-file true  web"},
		{"a named file alone, in whose folder .env is", ".", LoadOptions{Files: []string{"shop/compose.yaml"}}, "shop nginx:from-env-file false  web"},
		{"the environment wins over .env", "shop", LoadOptions{Environ: []string{"TAG=mine"}}, "shop nginx:mine true  web"},
		{"--env-file takes the place of .env", "shop", LoadOptions{EnvFiles: []string{"other.env"}}, "shop nginx:other true  web"},
		{"COMPOSE_ENV_FILES does too", "shop", LoadOptions{Environ: []string{"COMPOSE_ENV_FILES=other.env"}}, "shop nginx:other true  web"},
		{".env can be switched off", "shop", LoadOptions{Environ: []string{"COMPOSE_DISABLE_ENV_FILE=1"}}, "shop nginx:none true  web"},
		{"a profile", "shop", LoadOptions{Profiles: []string{"debug"}}, "shop nginx:from-env-file true  debug,web"},
		{"COMPOSE_PROFILES", "shop", LoadOptions{Environ: []string{"COMPOSE_PROFILES=x, debug"}}, "shop nginx:from-env-file true  debug,web"},
		{"several files", "shop", LoadOptions{Files: []string{"a.yaml", "b.yaml"}}, "shop a false b web"},
		{"COMPOSE_FILE", "shop", LoadOptions{Environ: []string{"COMPOSE_FILE=a.yaml:b.yaml"}}, "shop a false b web"},
		{"COMPOSE_FILE with another separator", "shop", LoadOptions{Environ: []string{"COMPOSE_FILE=a.yaml,b.yaml", "COMPOSE_PATH_SEPARATOR=,"}}, "shop a false b web"},
		{"COMPOSE_FILE and name in .env", "elsewhere", LoadOptions{}, "from-env-file a false b web"},
		{"another project folder", "shop", LoadOptions{Files: []string{"a.yaml"}, ProjectDir: "deep"}, "deep a false  web"},
		{"a name", "shop", LoadOptions{Files: []string{"named.yaml"}, Name: "My_Shop"}, "my-shop nginx false  web"},
		{"COMPOSE_PROJECT_NAME", "shop", LoadOptions{Files: []string{"named.yaml"}, Environ: []string{"COMPOSE_PROJECT_NAME=env"}}, "env nginx false  web"},
		{"the name in the file", "shop", LoadOptions{Files: []string{"named.yaml"}}, "named-by-file nginx false  web"},
		{"standard input", "shop", LoadOptions{Files: []string{"-"}, Stdin: strings.NewReader("services:\n  web: {image: \"in:${TAG}\"}\n")}, "shop in:from-env-file false  web"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.WorkDir = filepath.Join(archiveOptions(t, txtar.Parse([]byte(shop))).WorkDir, tt.dir)
			if tt.o.Environ == nil {
				tt.o.Environ = []string{}
			}
			p, err := Load(t.Context(), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			web := p.Services["web"]
			tty := "false"
			if web.Tty {
				tty = "true"
			}
			services := strings.Join(slices.Sorted(maps.Keys(p.Services)), ",")
			got := strings.Join([]string{p.Name, web.Image, tty, web.Hostname, services}, " ")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadSaysWhatItDidNotFind(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one/compose.yaml", sound)
	write(t, dir, "one/bad.env", "A=1\nB C=2\n")
	for _, tt := range []struct {
		name string
		o    LoadOptions
		want string
	}{
		{"an env file that is missing", LoadOptions{WorkDir: dir + "/one", EnvFiles: []string{"none.env"}}, "none.env: no such file"},
		{"an env file that is a folder", LoadOptions{WorkDir: dir, Files: []string{"one/compose.yaml"}, EnvFiles: []string{"one"}}, "one: is a folder, not a file"},
		{"an env file with a fault", LoadOptions{WorkDir: dir + "/one", EnvFiles: []string{"bad.env"}}, "bad.env:2: key cannot contain a space"},
		{"a name of signs only", LoadOptions{WorkDir: dir + "/one", Name: "!!!"}, `project name: "!!!" makes no project name; give one of letters and digits with -p`},
		{"the name of Kubernetes", LoadOptions{WorkDir: dir + "/one", Name: "kube-public"}, `project name: the name "kube-public" belongs to Kubernetes; give another with -p`},
		{"a fault in standard input", LoadOptions{WorkDir: dir, Files: []string{"-"}, Stdin: strings.NewReader("services: [")}, "stdin:1: not YAML: did not find expected node content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := loadBroken(t, tt.o); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "compose.yaml", sound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, LoadOptions{WorkDir: dir, Environ: []string{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAtNamesTheFileThatCounts(t *testing.T) {
	p := loadArchive(t, txtar.Parse([]byte(`
-f base.yaml
-f over.yaml
-- base.yaml --
services:
  web:
    extends: {file: common.yaml, service: base}
    image: a
    ports:
      - "80:80"
    environment: [A=b, C=d]
-- over.yaml --
services:
  web:
    image: b
    ports:
      - "81:81"
      - "82:82"
-- common.yaml --
services:
  base:
    hostname: h
    expose: ["1"]
`)))
	for _, tt := range []struct{ name, path, want string }{
		{"the last of two", "services web image", "over.yaml 3"},
		{"an item of the first list", "services web ports 0", "base.yaml 6"},
		{"an item of the second list", "services web ports 2", "over.yaml 6"},
		{"a variable in a list", "services web environment C", "base.yaml 7"},
		{"what is extended", "services web hostname", "common.yaml 3"},
		{"the nearest parent of what nobody wrote", "services web deploy replicas", "over.yaml 2"},
		{"the last file when not even that is there", "volumes data", "over.yaml 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, line := p.Source.At(strings.Fields(tt.path)...)
			if got := fmt.Sprintf("%s %d", file, line); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestMeant(t *testing.T) {
	for _, tt := range []struct{ name, word, want string }{
		{"two letters in the wrong order", "imgae", `; did you mean "image"?`},
		{"one letter missing", "port", `; did you mean "ports"?`},
		{"nothing near", "frobnicate", ""},
		{"the word itself", "image", ""},
		{"no word", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := meant(tt.word, []string{"image", "ports", "privileged"}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Whatever the bytes, a load ends soon, and a fault has a place and one line.
func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := readFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(string(twenty()))
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		p, err := Load(t.Context(), LoadOptions{Files: []string{"-"}, Stdin: strings.NewReader(text), WorkDir: dir, Environ: []string{}, Name: "fuzz"})
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || strings.Contains(e.Error(), "\n") {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		Check(p)
		b, err := NewBundle(p, "")
		if err != nil {
			return
		}
		if _, err := Parse(b.Stack.Spec.Compose, b.Stack.Spec.Assets); err != nil {
			t.Errorf("parse what was loaded: %v\n%s", err, b.Stack.Spec.Compose)
		}
	})
}
