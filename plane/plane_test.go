package plane

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout string // a part of it
		stderr string
	}{
		{"no command is wrong usage", nil, exitUsage, "", "Commands:"},
		{"help goes to standard output", []string{"--help"}, exitDone, "Examples:", ""},
		{"an unknown command is wrong usage", []string{"fly"}, exitUsage, "", `unknown command "fly"`},
		{"the version is printed", []string{"version"}, exitDone, "1.2.3\n", ""},
		{"each command has help", []string{"wait", "--help"}, exitDone, "--for KIND/NAME=CONDITION", ""},
		{"wait without a target is wrong usage", []string{"wait"}, exitUsage, "", "--for"},
		{"a wrong target is wrong usage", []string{"wait", "--for", "db"}, exitUsage, "", "as in deployment/db=healthy"},
		{"wait outside of a pod fails", []string{"wait", "--for=job/x=completed"}, exitFailed, "", "run this in a pod"},
		{"probe without a target is wrong usage", []string{"probe"}, exitUsage, "", "name one thing"},
		{"a gate needs a folder", []string{"gate"}, exitUsage, "", "--dir"},
		{"what to map is two folders", []string{"receive", "--map", "app"}, exitUsage, "", "FROM=TO"},
		{"receive takes no words", []string{"receive", "x"}, exitUsage, "", "unexpected"},
		{"an unhealthy answer fails", []string{"probe", s.URL}, exitFailed, "", "status 404"},
		{"flags may follow the target", []string{"probe", s.URL, "--status", "404", "--timeout=5s"}, exitDone, "", ""},
		{"an unknown flag is wrong usage", []string{"probe", s.URL, "--fast"}, exitUsage, "", "-fast"},
		{"a program keeps its own flags", []string{"probe", "exec", "--timeout", "9s", "--", "sh", "-c", "echo hi"}, exitDone, "hi\n", ""},
		{"a hook runs its steps", []string{"hook", `{"command":["echo","one"]}`}, exitDone, "one\n", ""},
		{"a step that is no JSON is wrong usage", []string{"hook", "x"}, exitUsage, "", "read step"},
		{"place without a step is wrong usage", []string{"place"}, exitUsage, "", "name a step"},
		{"a file that is not there fails", []string{"place", `{"to":"/nowhere/x","mode":"0440"}`}, exitFailed, "", "place /nowhere/x"},
		{"seed with an odd word is wrong usage", []string{"seed", "/a"}, exitUsage, "", "a folder and a volume"},
		{"an image without the folder is fine", []string{"seed", "/nowhere", "/tmp"}, exitDone, "", ""},
		{"install without a folder is wrong usage", []string{"install"}, exitUsage, "", "name one folder"},
		{"install into nowhere fails", []string{"install", "/nowhere"}, exitFailed, "", "copy myself to /nowhere"},
		{"a header without a value is wrong usage", []string{"probe", s.URL, "--header", "x"}, exitUsage, "", "KEY:VALUE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), "1.2.3", tt.args, &stdout, &stderr)
			if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, tt.code, &stdout, &stderr)
			}
		})
	}
}

func TestInstallLeavesAProgramThatRuns(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // a pod may be started again
		if code := Run(t.Context(), "1", []string{"install", dir}, io.Discard, io.Discard); code != exitDone {
			t.Fatalf("exit code %d", code)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "nagi-plane"))
	if err != nil || info.Mode() != 0o755 || info.Size() == 0 {
		t.Errorf("got %v, %v", info, err)
	}
}
