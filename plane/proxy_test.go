package plane

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProxyChecksADocument(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.json": `{"listeners":[{"name":"r","address":"127.0.0.1:0","protocol":"redis","routes":[{"arms":[{"pool":"p"}]}]}],"pools":[{"name":"p","endpoints":[]}]}`,
		"bad.json":  `{"listener":[]}`,
		"good.yml":  "p:\n  listen: 127.0.0.1:22121\n  redis: true\n  preconnect: true\n  servers:\n  - 127.0.0.1:6379:1\n",
		"bad.yml":   "p:\n  listen: 127.0.0.1:22121\n  reddis: true\n  servers:\n  - 127.0.0.1:6379:1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, args, stdout, stderr string
		code                       int
	}{
		{"a right document", "--config good.json --check", "", "", exitDone},
		{"an unknown field", "--config bad.json --check", "", `bad.json: read configuration: json: unknown field "listener"`, exitFailed},
		{"a file that is not there", "--config none --check", "", "read configuration: open", exitFailed},
		{"a nutcracker.yml, and what differs", "--nutcracker good.yml --check", "p: preconnect: a server is connected to", "", exitDone},
		{"a fault of a nutcracker.yml has its line", "--nutcracker bad.yml --check", "", "bad.yml: line 3: p.reddis: twemproxy has no such key", exitFailed},
		{"both", "--config good.json --nutcracker good.yml", "", "name the document with one of --config, --nutcracker and --follow", exitUsage},
		{"none", "--check", "", "name the document with one of --config, --nutcracker and --follow", exitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"proxy"}
			for _, a := range strings.Fields(tt.args) {
				if strings.Contains(a, ".") || a == "none" {
					a = filepath.Join(dir, a)
				}
				args = append(args, a)
			}
			var stdout, stderr bytes.Buffer
			code := Run(context.Background(), "", args, &stdout, &stderr)
			if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("exit code %d\n%s\n%s", code, &stdout, &stderr)
			}
		})
	}
}
