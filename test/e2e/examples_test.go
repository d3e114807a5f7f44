package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVoting deploys the voting application, votes, and finds the vote again
// after the server went down and came up.
func TestVoting(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "redis", "postgres", "voting")
	file := filepath.Join(root(t), "examples", "voting", "compose.yaml")
	out := s.Run(t, s.nagi, "deploy", "-f", file)
	if !strings.Contains(out, "8080") {
		t.Errorf("deploy does not say where it answers:\n%s", out)
	}
	s.Run(t, "curl", "-fsS", "-m", "10", "-d", "vote=cats", "http://127.0.0.1:8080/")
	s.waitForResult(t, `"cats":1`)

	s.Run(t, s.nagi, "down")
	if left := s.Run(t, "sh", "-c", "cat /proc/[0-9]*/comm"); strings.Contains(left, "postgres") {
		t.Errorf("down leaves the application's processes:\n%s", left)
	}
	s.up(t)
	s.waitForResult(t, `"cats":1`)
	s.Run(t, "curl", "-fsS", "-m", "10", "--retry", "10", "--retry-all-errors", "-d", "vote=dogs", "http://127.0.0.1:8080/")
	s.waitForResult(t, `"dogs":1`)
	s.kubectl(t, "delete", "namespace", "voting", "--timeout=60s")
}

// waitForResult asks the result page until it holds text.
func (s site) waitForResult(t *testing.T, text string) {
	t.Helper()
	eventually(t, 90*time.Second, "the result holds "+text, func() (string, bool) {
		_, out := s.Try(t.Context(), "curl", "-sS", "-m", "5", "http://127.0.0.1:8081/api")
		return out, strings.Contains(strings.ReplaceAll(out, " ", ""), text)
	})
}

// Every other example answers where its file says.
func TestExamplesAnswer(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "nginx", "redis")
	for _, tt := range []struct{ name, url, want string }{
		{"static", "http://127.0.0.1:8082/", "<html"},
		{"counter", "http://127.0.0.1:8083/cgi-bin/count", "visit "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.Run(t, s.nagi, "deploy", "-f", filepath.Join(root(t), "examples", tt.name, "compose.yaml"))
			eventually(t, 30*time.Second, tt.url+" answers", func() (string, bool) {
				_, out := s.Try(t.Context(), "curl", "-fsS", "-m", "5", tt.url)
				return out, strings.Contains(out, tt.want)
			})
			s.kubectl(t, "delete", "namespace", tt.name, "--wait=false")
		})
	}
}

// No example is without a test.
func TestEveryExampleIsTested(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root(t), "examples", "*", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if !slices.Contains([]string{"voting", "static", "counter"}, name) {
			t.Errorf("no test deploys examples/%s", name)
		}
	}
}
