package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Validate returns every fault of the document, each with its field.
func (c *Config) Validate() error {
	v := &checker{pools: map[string]bool{}}
	for i := range c.Pools {
		v.at("pools[%d]", i).pool(&c.Pools[i])
	}
	names, addresses := map[string]bool{}, map[string]bool{}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		at := v.at("listeners[%d]", i)
		at.unique(names, "name", l.Name)
		at.unique(addresses, "address", l.Address)
		at.listener(l)
	}
	return errors.Join(v.errs...)
}

// A checker collects faults below one field.
type checker struct {
	path  string
	root  *checker
	pools map[string]bool
	errs  []error
}

func (v *checker) top() *checker {
	if v.root != nil {
		return v.root
	}
	return v
}

// at is the checker of a field below v's.
func (v *checker) at(format string, args ...any) *checker {
	p := fmt.Sprintf(format, args...)
	if v.path != "" {
		p = v.path + "." + p
	}
	return &checker{path: p, root: v.top()}
}

func (v *checker) fault(field, format string, args ...any) {
	p := v.path
	if field != "" {
		p += "." + field
	}
	v.top().errs = append(v.top().errs, fmt.Errorf("%s: %s", p, fmt.Sprintf(format, args...)))
}

func (v *checker) unique(seen map[string]bool, field, value string) {
	switch {
	case value == "":
		v.fault(field, "is required")
	case seen[value]:
		v.fault(field, "%q is there twice", value)
	}
	seen[value] = true
}

func (v *checker) oneOf(field, value string, of ...string) {
	if value != "" && !slices.Contains(of, value) {
		v.fault(field, "%q is none of %s", value, strings.Join(of, ", "))
	}
}

func (v *checker) atLeast(field string, value, low float64) {
	if value < low {
		v.fault(field, "%v is below %v", value, low)
	}
}

func (v *checker) percent(field string, value float64) {
	if value < 0 || value > 100 {
		v.fault(field, "%v is not between 0 and 100", value)
	}
}

func (v *checker) knownPool(field, name string) {
	if !v.top().pools[name] {
		v.fault(field, "there is no pool %q", name)
	}
}

func (v *checker) address(field, a string) {
	if path, ok := strings.CutPrefix(a, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			v.fault(field, "%q: write the whole path of the socket, as unix:/run/x.sock", a)
		}
		return
	}
	if _, port, err := net.SplitHostPort(a); err != nil || port == "" {
		v.fault(field, "%q is no address; write host:port or unix:/path", a)
	}
}
