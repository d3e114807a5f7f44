package compose

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// projectOf loads a compose file that stands in a folder with others.
func projectOf(t *testing.T, text string, files map[string]string) (*Project, string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "compose.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(t.Context(), LoadOptions{Files: []string{file}, Name: "shop", Environ: []string{"TOKEN=hush", "WHO=me"}})
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

func TestBuildHoldsWhatTheFileSays(t *testing.T) {
	p, dir := projectOf(t, `
services:
  web:
    image: registry.test/web:2
    build:
      context: .
      dockerfile: other.Dockerfile
      target: last
      args: {A: "1", WHO: , UNSET: }
      labels: {l: x}
      tags: [web:latest]
      secrets: [file, {source: env, target: e}]
      network: none
      extra_hosts: ["db=10.0.0.1"]
      ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}
      shm_size: 64m
      no_cache: true
      cache_from: [app/cache, "type=local,src=cache"]
      additional_contexts: {tools: docker-image://tools, far: "https://example.com/far.git"}
      entitlements: [network.host]
secrets:
  file: {file: ./token}
  env: {environment: TOKEN}
`, map[string]string{"token": "s3cret"})
	got, err := Builds(p)
	if err != nil {
		t.Fatal(err)
	}
	want := []Build{{
		Service: "web", Image: "registry.test/web:2", Context: dir, Dockerfile: filepath.Join(dir, "other.Dockerfile"), Target: "last",
		Tags: []string{"registry.test/web:2", "web:latest"}, Args: map[string]string{"A": "1", "WHO": "me"}, Labels: map[string]string{"l": "x"},
		Contexts: map[string]string{"tools": "docker-image://tools"}, Services: map[string]string{},
		Secrets: map[string][]byte{"file": []byte("s3cret"), "e": []byte("hush")},
		Network: "none", ExtraHosts: []string{"db=10.0.0.1"}, Ulimits: []string{"nofile=5:5", "nproc=1:2"}, ShmSize: 64 << 20,
		AllowHost: true, NoCache: true, CacheFrom: []map[string]string{{"type": "local", "src": filepath.Join(dir, "cache")}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBuildsAreInTheOrderInWhichTheyStandOnEachOther(t *testing.T) {
	p, _ := projectOf(t, `
services:
  app:
    build: {context: ., additional_contexts: {base: "service:zone", pulled: "service:db"}}
  zone:
    build: {context: ., dockerfile_inline: "FROM scratch"}
  db: {image: postgres}
  far: {image: far, build: "https://example.com/far.git"}
`, nil)
	builds, err := Builds(p)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range builds {
		got = append(got, b.Service)
	}
	if diff := cmp.Diff([]string{"zone", "app"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := builds[1].Contexts["pulled"]; got != "docker-image://postgres" {
		t.Errorf("the context of a service with an image is %q", got)
	}
	if got := builds[1].Services["base"]; got != "zone" {
		t.Errorf("the context of a service with a build is %q", got)
	}
}

func TestBuildsOfEachOtherAreRefused(t *testing.T) {
	p, _ := projectOf(t, `
services:
  a: {build: {context: ., additional_contexts: {x: "service:b"}}}
  b: {build: {context: ., additional_contexts: {x: "service:a"}}}
`, nil)
	if _, err := Builds(p); err == nil {
		t.Error("two builds that stand on each other are accepted")
	}
}

func TestImagesThatWereBuiltTakeTheirPlace(t *testing.T) {
	p, _ := projectOf(t, `
services:
  web: {image: app, build: ., pull_policy: always}
  job: {image: "docker.io/library/app:latest"}
  db: {image: "app:2"}
  own:
    build: .
    pre_start: [{image: app, command: "true"}]
`, nil)
	p = p.WithImages(map[string]string{"web": "app@sha256:1", "own": "shop-own@sha256:2"})
	got := map[string]string{}
	for name, s := range p.Services {
		got[name] = s.Image + s.PullPolicy
		for _, hook := range s.PreStart {
			got[name+" before"] = hook.Image
		}
	}
	want := map[string]string{"web": "app@sha256:1", "job": "app@sha256:1", "db": "app:2", "own": "shop-own@sha256:2", "own before": "app@sha256:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzCacheFields(f *testing.F) {
	f.Add("type=local,src=x")
	f.Add("app/cache")
	f.Fuzz(func(t *testing.T, text string) {
		if c := cacheFields(text); len(c) == 0 {
			t.Errorf("%q says nothing", text)
		}
	})
}
