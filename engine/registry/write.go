package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"nagi.dev/internal/layout"
)

// hub is the host of names without one; where it answers, and what Docker
// calls it, are other names.
const (
	hub       = "docker.io"
	hubServer = "registry-1.docker.io"
	hubAuth   = "https://index.docker.io/v1/"
)

// Apply reads File and tells everyone: the hosts and the credentials are
// rewritten. Containerd and the builder look at them for each image.
func Apply(d layout.Dirs) (Config, error) {
	c, err := Read(File)
	if err != nil {
		return nil, err
	}
	var docker []byte
	if home, err := os.UserHomeDir(); err == nil {
		docker, _ = os.ReadFile(filepath.Join(home, ".docker", "config.json")) // it may be missing
	}
	return c, errors.Join(c.WriteHosts(d.Registries()), c.WriteAuth(d.Kubelet(), docker))
}

// WriteHosts leaves in dir what containerd and the builder read: a folder
// with a hosts.toml for each host. Others may read, and write the same, at the
// same time: what is as it should be stays, and a file changes at once.
func (c Config) WriteHosts(dir string) error {
	there, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write registries: %w", err)
	}
	var errs []error
	for _, e := range there {
		if _, known := c[e.Name()]; !known {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	for host := range c {
		errs = append(errs, write(filepath.Join(dir, host, "hosts.toml"), []byte(c.hosts(host))))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write registries: %w", err)
	}
	return nil
}

// write makes file hold b, at once, for its owner alone.
func write(file string, b []byte) error {
	if now, err := os.ReadFile(file); err == nil && bytes.Equal(now, b) {
		return nil
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new") // CreateTemp makes it the owner's alone
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// hosts is the hosts.toml of a host: its mirrors, then itself.
func (c Config) hosts(host string) string {
	server := "https://" + host
	if host == hub {
		server = "https://" + hubServer
	}
	var b strings.Builder
	fmt.Fprintf(&b, "server = %q\n", server)
	for _, m := range c[host].Mirrors {
		if u, err := url.Parse(m); err == nil { // validate has seen to it
			c.entry(&b, m, c[u.Host])
			present(&b, m, c[u.Host])
		}
	}
	c.entry(&b, server, c[host])
	if c[host].Insecure {
		c.entry(&b, "http://"+host, Registry{})
	}
	return b.String()
}

func (c Config) entry(b *strings.Builder, address string, r Registry) {
	fmt.Fprintf(b, "[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", address)
	if r.CA != "" {
		fmt.Fprintf(b, "  ca = %q\n", r.CA)
	}
	if r.Insecure {
		b.WriteString("  skip_verify = true\n")
	}
}

// present makes requests to a mirror carry its own credentials: whoever pulls
// for pods knows only those of the registry that an image is named after. A
// registry that gives tokens for a password takes those alone.
func present(b *strings.Builder, mirror string, r Registry) {
	if r.Username != "" {
		fmt.Fprintf(b, "  [host.%q.header]\n    Authorization = [%q]\n", mirror, "Basic "+r.basic())
	}
}

// basic is how a header and Docker's files write a name and its password.
func (r Registry) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(r.Username + ":" + r.Password))
}

// WriteAuth leaves in dir the credentials as the kubelet reads them: a
// config.json in Docker's words. It hides Docker's own from the kubelet, so
// what that has (the text docker) is taken over; ours win. Without any of
// ours there is no such file.
func (c Config) WriteAuth(dir string, docker []byte) error {
	file := filepath.Join(dir, "config.json")
	var all struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	_ = json.Unmarshal(docker, &all) // Docker would not read it either
	ours := c.auths()
	if len(ours) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write credentials: %w", err)
		}
		return nil
	}
	if all.Auths == nil {
		all.Auths = map[string]json.RawMessage{}
	}
	maps.Copy(all.Auths, ours)
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := write(file, b); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return nil
}

// auths are our credentials in Docker's words.
func (c Config) auths() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for host, r := range c {
		if r.Username == "" {
			continue
		}
		if host == hub {
			host = hubAuth
		}
		out[host] = json.RawMessage(`{"auth":"` + r.basic() + `"}`)
	}
	return out
}

// Credentials are those of a host, by any of its names.
func (c Config) Credentials(host string) (username, password string, ok bool) {
	if host == hubServer || host == hubAuth {
		host = hub
	}
	r := c[host]
	return r.Username, r.Password, r.Username != ""
}
