package sync

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name       string
		want, have Files
		plan       Plan
	}{
		{"what is the same stays", Files{"a": []byte("1")}, Files{"a": []byte("1")}, Plan{}},
		{"what is new or changed is written", Files{"a": []byte("2"), "b": nil}, Files{"a": []byte("1")}, Plan{Write: []string{"a", "b"}}},
		{"what the source has no more goes", Files{}, Files{"a": nil}, Plan{Remove: []string{"a"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.plan, Decide(tt.want, tt.have)); d != "" {
				t.Error(d)
			}
		})
	}
}

// mounted lays down a folder as the kubelet mounts a ConfigMap.
func mounted(t *testing.T, dir, version string, files map[string]string) {
	t.Helper()
	data := filepath.Join(dir, version)
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = os.Symlink("..data/"+name, filepath.Join(dir, name)) // it may be there
	}
	if err := os.Symlink(version, filepath.Join(dir, "..tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

func newKeeper(o Options) *keeper {
	o = o.withDefaults()
	return &keeper{o: o, source: o.source(), notify: o.notifier()}
}

func (k *keeper) mustPass(t *testing.T) {
	t.Helper()
	if err := k.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderIsKeptAndAReloadAskedFor(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	asked, answer := 0, http.StatusOK
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; w.WriteHeader(answer) }))
	defer app.Close()
	mounted(t, from, "..1", map[string]string{"a": "1", "b": "1"})
	if err := Run(t.Context(), Options{From: from, To: to, Once: true}); err != nil {
		t.Fatal(err)
	}
	k := newKeeper(Options{From: from, To: to, Reload: app.URL})
	k.mustPass(t)
	if asked != 0 {
		t.Error("a reload was asked for although nothing changed")
	}
	mounted(t, from, "..2", map[string]string{"a": "2"})
	answer = http.StatusServiceUnavailable
	if err := k.pass(t.Context()); err == nil {
		t.Error("a reload that is refused is no error")
	}
	answer = http.StatusOK
	k.mustPass(t)
	k.mustPass(t)
	if asked != 2 {
		t.Errorf("%d reloads were asked for, want one that failed and one more", asked)
	}
	have, err := read(to)
	if d := cmp.Diff(Files{"a": []byte("2")}, have); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}

func TestAURLIsAskedForAgainOnlyWhenItChanged(t *testing.T) {
	to, sent := t.TempDir(), 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		_, _ = w.Write([]byte("x"))
	}))
	defer web.Close()
	k := newKeeper(Options{URL: web.URL + "/conf/app.json?v=1", To: to})
	k.mustPass(t)
	k.mustPass(t)
	if b, err := os.ReadFile(filepath.Join(to, "app.json")); string(b) != "x" || sent != 1 {
		t.Errorf("file = %q, %v; sent %d times", b, err, sent)
	}
	web.Close()
	if err := k.pass(t.Context()); err == nil {
		t.Error("a source that is away is no error")
	}
	if _, err := os.Stat(filepath.Join(to, "app.json")); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
}

func TestTheOldestProcessGetsTheSignal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "told")
	script := "trap 'echo yes >" + file + "; exit' USR1; echo up; while :; do read x || exit; done"
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "exec -a /opt/my-own-server bash -c \"$0\"", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	o := Options{Process: "my-own-server", Signal: "USR1"}.withDefaults()
	if err := o.signal(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Write([]byte("\n")) // read returns, and the trap runs
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(file); strings.TrimSpace(string(b)) != "yes" {
		t.Error("the signal did not arrive")
	}
	if err := (Options{Process: "nobody", Signal: "HUP"}.withDefaults()).signal(); err != nil {
		t.Errorf("a program that does not run is an error: %v", err)
	}
}

func TestFaultsAreToldTogether(t *testing.T) {
	err := Options{Process: "a", Signal: "NO"}.Validate()
	for _, want := range []string{"--to", "--from or --url", `no signal "NO"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %s", err, want)
		}
	}
}
