package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `
registries:
  docker.io:
    mirrors: [https://mirror.test:5000]
    username: team
    password: hush
  mirror.test:5000: {ca: /etc/mirror.crt}
  lab.test: {insecure: true}
`

func TestParse(t *testing.T) {
	got, err := parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		"docker.io":        {Mirrors: []string{"https://mirror.test:5000"}, Username: "team", Password: "hush"},
		"mirror.test:5000": {CA: "/etc/mirror.crt"},
		"lab.test":         {Insecure: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a field that is unknown", "registries: {a.test: {mirror: x}}", `unknown field "mirror"`},
		{"a host with a path", "registries: {a.test/b: {}}", "registries.a.test/b: want a host"},
		{"a host that is a way out", "registries: {..: {}}", "want a host"},
		{"a mirror without a scheme", "registries: {a.test: {mirrors: [b.test]}}", "registries.a.test.mirrors[0]: \"b.test\" is no address"},
		{"a relative file", "registries: {a.test: {ca: ca.crt}}", "registries.a.test.ca"},
		{"a password for nobody", "registries: {a.test: {password: x}}", "a password without a username"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v; want %q", err, tt.want)
			}
		})
	}
}

func TestAFileThatIsMissingSaysNothing(t *testing.T) {
	c, err := Read(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(c) != 0 {
		t.Errorf("%v, %v", c, err)
	}
}

func TestWhatTheOthersRead(t *testing.T) {
	c, err := parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.WriteHosts(filepath.Join(dir, "hosts")); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteAuth(dir, []byte(`{"auths":{"own.test":{"auth":"eA=="}},"credsStore":"x"}`)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"hosts/docker.io/hosts.toml": `server = "https://registry-1.docker.io"
[host."https://mirror.test:5000"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/mirror.crt"
[host."https://registry-1.docker.io"]
  capabilities = ["pull", "resolve"]
`,
		"hosts/lab.test/hosts.toml": `server = "https://lab.test"
[host."https://lab.test"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
[host."http://lab.test"]
  capabilities = ["pull", "resolve"]
`,
		"config.json": `{"auths":{"https://index.docker.io/v1/":{"auth":"dGVhbTpodXNo"},"own.test":{"auth":"eA=="}}}`,
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(b)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if user, password, ok := c.Credentials("registry-1.docker.io"); user != "team" || password != "hush" || !ok {
		t.Errorf("the credentials of Docker Hub are %q, %q, %v", user, password, ok)
	}
}

func TestWithoutCredentialsDockersOwnCount(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := (Config{}).WriteAuth(dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file without credentials hides Docker's")
	}
}

func TestAMirrorGetsItsOwnCredentials(t *testing.T) {
	c, err := parse([]byte(`registries:
  docker.io: {mirrors: ["https://mirror.test:5000", "https://open.test"], username: someone, password: else}
  mirror.test:5000: {username: team, password: hush}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `server = "https://registry-1.docker.io"
[host."https://mirror.test:5000"]
  capabilities = ["pull", "resolve"]
  [host."https://mirror.test:5000".header]
    Authorization = ["Basic dGVhbTpodXNo"]
[host."https://open.test"]
  capabilities = ["pull", "resolve"]
[host."https://registry-1.docker.io"]
  capabilities = ["pull", "resolve"]
`
	if diff := cmp.Diff(want, c.hosts("docker.io")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsAsItShouldBeStays(t *testing.T) {
	dir := t.TempDir()
	c := Config{"a.test": {}, "b.test": {Insecure: true}}
	if err := c.WriteHosts(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a.test", "hosts.toml")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	delete(c, "b.test")
	if err := c.WriteHosts(dir); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(file)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written anew, or is gone: %v", err)
	}
	if after.Mode() != 0o600 {
		t.Errorf("its mode is %v", after.Mode())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v are left; want a.test alone", left)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse(text)
		if err != nil {
			return
		}
		for host := range c { // whatever is valid can be written
			if strings.Contains(host, "/") || c.hosts(host) == "" {
				t.Errorf("host %q is accepted", host)
			}
		}
	})
}
