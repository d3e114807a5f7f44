package build

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
)

// names are those of the image in the pods' store: each tag, and the first
// one's repository with the digest, which is what a deployment names.
func names(tags []string, digest string) ([]string, error) {
	var out []string
	for _, tag := range tags {
		named, err := reference.ParseNormalizedNamed(tag)
		if err != nil {
			return nil, fmt.Errorf("%q is no name of an image: %w", tag, err)
		}
		if _, ok := named.(reference.Digested); ok {
			return nil, fmt.Errorf("%q names a digest; an image that is yet to be made has none", tag)
		}
		if len(out) == 0 && digest != "" {
			out = append(out, named.Name()+"@"+digest)
		}
		out = append(out, reference.TagNameOnly(named).String())
	}
	return out, nil
}

// attributes says in BuildKit's words what r asks of the reader of
// Dockerfiles. "cmdline" makes it do the work itself: otherwise a line
// "# syntax=" would have it run another reader from a registry.
func attributes(r Request, file string) map[string]string {
	a := map[string]string{"cmdline": "builtin", "filename": file, "image-resolve-mode": "local"}
	set := func(key, value string) {
		if value != "" {
			a[key] = value
		}
	}
	set("target", r.Target)
	set("platform", r.Platform)
	set("add-hosts", strings.Join(r.ExtraHosts, ","))
	set("ulimit", strings.Join(r.Ulimits, ","))
	set("force-network-mode", r.Network)
	if r.ShmSize > 0 {
		a["shm-size"] = strconv.FormatInt(r.ShmSize, 10)
	}
	if r.Pull {
		a["image-resolve-mode"] = "pull"
	}
	if r.NoCache || len(r.NoCacheOf) > 0 {
		a["no-cache"] = strings.Join(r.NoCacheOf, ",")
	}
	for k, v := range r.Args {
		a["build-arg:"+k] = v
	}
	for k, v := range r.Labels {
		a["label:"+k] = v
	}
	for name, where := range r.Contexts {
		a["context:"+name] = contextOf(name, where)
	}
	return a
}

// contextOf spells a named context: a folder is synced under its name.
func contextOf(name, where string) string {
	if isImage(where) {
		return where
	}
	return "local:" + localContext(name)
}

func isImage(where string) bool { return strings.HasPrefix(where, "docker-image://") }

// localContext is the name under which a folder is synced; it keeps clear of
// BuildKit's own "context" and "dockerfile".
func localContext(name string) string { return "named-" + name }

// refuse says why r cannot be built here; nil: it can.
func refuse(r Request) error {
	switch {
	case len(r.Tags) == 0:
		return errors.New("an image needs a name")
	case isRemote(r.Context):
		return fmt.Errorf("context %s: only folders of this machine are built; clone it first", r.Context)
	case r.Network != "" && r.Network != "none" && r.Network != hostNetwork:
		return fmt.Errorf("network %s: a build step has the build network, none or host", r.Network)
	case r.Platform != "":
		p, err := platforms.Parse(r.Platform)
		if err != nil {
			return fmt.Errorf("platform %s: %w", r.Platform, err)
		}
		if !platforms.Default().Match(p) {
			return fmt.Errorf("platform %s: only images for this machine (%s) are built", r.Platform, platforms.DefaultString())
		}
	}
	for name, where := range r.Contexts {
		if isRemote(where) && !isImage(where) {
			return fmt.Errorf("context %s: %s: only folders and docker-image:// are taken; fetch it first", name, where)
		}
	}
	for _, c := range slices.Concat(r.CacheFrom, r.CacheTo) {
		if c["type"] != "local" && c["type"] != "inline" {
			return fmt.Errorf("cache type=%s: only type=local and type=inline are kept without a registry", c["type"])
		}
	}
	_, err := names(r.Tags, "")
	return err
}

// isRemote tells an address from a folder.
func isRemote(where string) bool {
	return strings.Contains(where, "://") || strings.HasPrefix(where, "git@") || strings.HasPrefix(where, "github.com/")
}

// tidy makes one line that a terminal shows as it is.
func tidy(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// relative names the layers of an overlay by their place in store; ok is false
// when they do not lie there, or are named so already. What the kernel adds to
// the options by itself is left out.
func relative(options []string, store string) (out []string, ok bool) {
	out = []string{"index=off"}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "lowerdir", "upperdir", "workdir":
			layers := strings.Split(value, ":")
			for i, l := range layers {
				if within(l, store) {
					ok = true
				} else if strings.HasPrefix(l, "/") {
					return nil, false
				}
				layers[i] = strings.TrimPrefix(l, store+"/")
			}
			out = append(out, key+"="+strings.Join(layers, ":"))
		case "userxattr", "volatile":
			out = append(out, o)
		}
	}
	return out, ok
}
