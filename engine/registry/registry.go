package registry

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"sigs.k8s.io/yaml"
)

// File is where registries are described. It may be missing.
const File = "/etc/nagi/registries.yaml"

// A Config is what the file says, by host: "docker.io", "registry.test:5000".
type Config map[string]Registry

// A Registry says how to reach one host.
type Registry struct {
	Mirrors  []string `json:"mirrors,omitempty"`  // asked first, in this order: https://mirror.test:5000
	Insecure bool     `json:"insecure,omitempty"` // http too, and certificates that nobody vouches for
	CA       string   `json:"ca,omitempty"`       // file with the authority of its certificate
	Username string   `json:"username,omitempty"`
	Password string   `json:"password,omitempty"`
}

// Read reads file; one that is missing says nothing.
func Read(file string) (Config, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read registries: %w", err)
	}
	c, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("read registries: %s: %w", file, err)
	}
	return c, nil
}

// parse reads the text of the file. It reports every fault at once.
func parse(text []byte) (Config, error) {
	var f struct {
		Registries Config `json:"registries"`
	}
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		return nil, err
	}
	var errs []error
	for host, r := range f.Registries {
		errs = append(errs, r.validate(host))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f.Registries, nil
}

// hostName is also the name of a folder: it has no way out of it.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]{1,5})?$`)

func (r Registry) validate(host string) error {
	var errs []error
	if !hostName.MatchString(host) {
		errs = append(errs, fmt.Errorf("registries.%s: want a host, such as docker.io or registry.test:5000", host))
	}
	for i, m := range r.Mirrors {
		if u, err := url.Parse(m); err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
			errs = append(errs, fmt.Errorf("registries.%s.mirrors[%d]: %q is no address; write it like https://mirror.test:5000", host, i, m))
		}
	}
	if r.CA != "" && !filepath.IsAbs(r.CA) {
		errs = append(errs, fmt.Errorf("registries.%s.ca: %q does not begin with /", host, r.CA))
	}
	if r.Password != "" && r.Username == "" {
		errs = append(errs, fmt.Errorf("registries.%s: a password without a username", host))
	}
	return errors.Join(errs...)
}
