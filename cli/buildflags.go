package cli

import (
	"fmt"
	"os"
	"strings"
)

// buildArgs reads NAME=VALUE. A name alone takes its value from the
// environment; one that is not there is not passed.
func buildArgs(list []string, lookup func(string) (string, bool)) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		name, value, given := strings.Cut(a, "=")
		if !given {
			if value, given = lookup(name); !given {
				continue
			}
		}
		out[name] = value
	}
	return out
}

// pairs reads NAME=VALUE.
func pairs(flag string, list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range list {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, usage("--%s %q: want NAME=VALUE", flag, a)
		}
		out[name] = value
	}
	return out, nil
}

// caches reads type=local,src=FOLDER.
func caches(flag string, list []string) ([]map[string]string, error) {
	var out []map[string]string
	for _, c := range list {
		fields, err := pairs(flag, strings.Split(c, ","))
		if err != nil {
			return nil, err
		}
		out = append(out, fields)
	}
	return out, nil
}

// buildSecrets reads id=NAME,src=FILE and id=NAME,env=VARIABLE, and what they
// name.
func buildSecrets(list []string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, s := range list {
		f, err := pairs("secret", strings.Split(s, ","))
		if err != nil {
			return nil, err
		}
		id, file := f["id"], f["src"]
		if file == "" {
			file = f["source"]
		}
		variable, fromEnv := f["env"]
		switch {
		case id == "" || (file == "") == !fromEnv:
			return nil, usage("--secret %q: want id=NAME,src=FILE or id=NAME,env=VARIABLE", s)
		case fromEnv:
			value, ok := os.LookupEnv(variable)
			if !ok {
				return nil, fmt.Errorf("secret %s: the variable %s is not set", id, variable)
			}
			out[id] = []byte(value)
		default:
			if out[id], err = os.ReadFile(file); err != nil {
				return nil, fmt.Errorf("secret %s: %w", id, err)
			}
		}
	}
	return out, nil
}
