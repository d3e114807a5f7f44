package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder lays down a project: name, text, name, text.
func folder(t *testing.T, files ...string) *Project {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Load(t.Context(), LoadOptions{WorkDir: dir, Environ: []string{}, Name: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const watched = `services:
  web:
    image: app
    develop:
      watch:
      - {path: ./src, action: sync, target: /app, ignore: [tmp/], include: ["**/*.go"], initial_sync: true}
      - {path: ./app.conf, action: sync+restart, target: /app.conf}
`

func TestTriggers(t *testing.T) {
	p := folder(t, "compose.yaml", watched, "src/a", "", "app.conf", "", ".dockerignore", "# none of these\n*.log\n\n!keep.log\n")
	got, err := Triggers(p)
	if err != nil {
		t.Fatal(err)
	}
	dir := p.WorkingDir
	ignored := Patterns{dir, []string{"*.log", "!keep.log"}}
	src, conf := filepath.Join(dir, "src"), filepath.Join(dir, "app.conf")
	want := []Trigger{
		{
			Service: "web", Path: src, Action: "sync", Target: "/app", InitialSync: true,
			Ignore: []Patterns{ignored, {src, []string{"tmp/"}}}, Include: Patterns{src, []string{"**/*.go"}},
		},
		{Service: "web", Path: conf, Action: "sync+restart", Target: "/app.conf", Ignore: []Patterns{ignored, {conf, nil}}, Include: Patterns{conf, nil}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("triggers (-want +got):\n%s", d)
	}
}

func TestTriggersNameWhatCannotBeWatched(t *testing.T) {
	_, err := Triggers(folder(t, "compose.yaml", watched, "app.conf", ""))
	if err == nil || !strings.HasSuffix(err.Error(), "compose.yaml:6: services.web.develop.watch[0].path: src: no such file or folder") {
		t.Errorf("err = %v", err)
	}
	_, err = Triggers(folder(t, "compose.yaml", strings.Replace(watched, "target: /app,", "target: app,", 1), "src/a", "", "app.conf", ""))
	if err == nil || !strings.Contains(err.Error(), `"app": want an absolute path in the container`) {
		t.Errorf("err = %v", err)
	}
}

func TestOnlyAWatchedProjectKeepsItsDevelopSections(t *testing.T) {
	p := folder(t, "compose.yaml", watched, "src/a", "", "app.conf", "")
	b, err := NewBundle(p, "")
	if err != nil || strings.Contains(b.Stack.Spec.Compose, "develop") {
		t.Errorf("err = %v; a plain deploy writes\n%s", err, b.Stack.Spec.Compose)
	}
	p.KeepWatch(true)
	if b, err = NewBundle(p, ""); err != nil {
		t.Fatal(err)
	}
	back, err := Parse(b.Stack.Spec.Compose, b.Stack.Spec.Assets)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.Stack.Spec.Compose, p.WorkingDir) {
		t.Errorf("paths of this machine are in\n%s", b.Stack.Spec.Compose)
	}
	if d := cmp.Diff(Folders(p.Services["web"]), Folders(back.Services["web"])); d != "" {
		t.Errorf("folders (-here +controller):\n%s", d)
	}
	want := []string{PlaneProgram, "receive", "--gate", GateFolder, "--map", "/app=/.nagi-sync/0"}
	if got := ReceiveCommand(back.Services["web"], true); !slices.Equal(got, want) {
		t.Errorf("command %q, want %q", got, want)
	}
	p.KeepWatch(false)
	if p.Services["web"].Develop != nil {
		t.Error("a plain deploy keeps its develop section")
	}
}
