package main

import (
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	asked "k8s.io/kubernetes/test/utils/image"

	"nagi.dev/internal/archive"
	"nagi.dev/internal/assemble"
	"nagi.dev/internal/recipes"
)

// names are what the test suite itself calls images.
func names(ids ...asked.ImageID) []string {
	var all []string
	for _, id := range ids {
		all = append(all, asked.GetE2EImage(id))
	}
	return all
}

// upstream is a program among the sources of Kubernetes' test images.
func upstream(name string) assemble.Program {
	return assemble.Program{Dir: "engine", Package: "k8s.io/kubernetes/test/images/" + name}
}

// images lists the images; sources is the folder of Kubernetes' sources.
func images(sources string) ([]assemble.Recipe, error) {
	base := recipes.Base()
	host, err := agnhost(&base, sources)
	if err != nil {
		return nil, err
	}
	all := []assemble.Recipe{host, pause(), busybox(&base), nginx(&base), nonroot(&base), nonewprivs(&base), tools(&base), etcd(), tcp()}
	for _, a := range []struct {
		name string
		id   asked.ImageID
	}{{"kitten", asked.Kitten}, {"nautilus", asked.Nautilus}} {
		r, err := animal(&host, sources, a.name, a.id)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// agnhost is the program of most tests, with the tools that tests run in its
// image. Its shell is bash: dash forgets variables such as "data-1".
func agnhost(base *assemble.Recipe, sources string) (assemble.Recipe, error) {
	files := map[string]archive.File{
		"agnhost-2":  assemble.Link("agnhost"),
		"uploads":    assemble.Folder(0o755, 0),
		"usr/bin/sh": assemble.Link("bash"),
	}
	for _, f := range []string{"localhost.crt", "localhost.key"} {
		if err := read(files, f, filepath.Join(sources, "test/images/agnhost/porter", f)); err != nil {
			return assemble.Recipe{}, err
		}
	}
	return assemble.Recipe{
		Name:     "agnhost",
		Names:    names(asked.Agnhost, asked.AgnhostPrev),
		On:       base,
		Packages: []string{"bind9-dnsutils", "curl", "iperf", "iproute2", "iputils-ping", "netcat-openbsd", "openssl", "socat"},
		Files:    files,
		Programs: map[string]assemble.Program{"agnhost": upstream("agnhost")},
		Finish: func(t assemble.Tree) error {
			t["usr/bin/nc"] = assemble.Link("nc.openbsd")
			line(t, "etc/passwd", "user-defined-in-image:x:1000:1000::/home:/bin/sh")
			line(t, "etc/group", "user-defined-in-image:x:1000:")
			line(t, "etc/group", "group-defined-in-image:x:50000:user-defined-in-image")
			return nil
		},
		Config: v1.Config{
			Env:        []string{"PATH=" + assemble.Path},
			Entrypoint: []string{"/agnhost"},
			Cmd:        []string{"pause"},
			ExposedPorts: map[string]struct{}{
				"80/tcp": {}, "5000/tcp": {}, "8080/tcp": {}, "8081/tcp": {}, "9376/tcp": {},
			},
		},
	}, nil
}

// animal is agnhost and a picture. A test of image volumes tells the image by
// the base that the original has.
func animal(host *assemble.Recipe, sources, name string, id asked.ImageID) (assemble.Recipe, error) {
	r := assemble.Recipe{Name: name, Names: names(id), On: host, Files: map[string]archive.File{}, Config: host.Config}
	r.Config.Cmd = []string{"test-webserver"}
	r.Files["etc/os-release"] = assemble.Text("NAME=\"Alpine Linux\"\nID=alpine\n")
	for _, f := range []string{name + ".jpg", "data.json"} {
		if err := read(r.Files, f, filepath.Join(sources, "test/images", name, "html", f)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// pause is our own.
func pause() assemble.Recipe {
	return assemble.Recipe{
		Name:     "pause",
		Names:    names(asked.Pause),
		Programs: map[string]assemble.Program{"pause": {Dir: ".", Package: "./cmd/plane"}},
		Config:   v1.Config{User: "65535:65535", Entrypoint: []string{"/pause", "pause"}},
	}
}

// busybox has its commands where Debian has none, and bash for its shell, for
// the same reason as agnhost.
func busybox(base *assemble.Recipe) assemble.Recipe {
	alone := assemble.Busybox()
	return assemble.Recipe{
		Name:     "busybox",
		Names:    names(asked.BusyBox),
		On:       base,
		Packages: alone.Packages,
		Finish: func(t assemble.Tree) error {
			if err := assemble.LinkBusybox(t, "usr/bin"); err != nil {
				return err
			}
			t["usr/bin/sh"] = assemble.Link("bash")
			return nil
		},
		Config: v1.Config{Env: []string{"PATH=" + assemble.Path}, Cmd: []string{"sh"}},
	}
}

func nginx(base *assemble.Recipe) assemble.Recipe {
	r := recipes.Nginx(base)
	r.Names = names(asked.Nginx, asked.NginxNew)
	return r
}

func nonroot(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:   "nonroot",
		Names:  names(asked.NonRoot),
		On:     base,
		Config: v1.Config{Env: []string{"PATH=" + assemble.Path}, User: "1234", Cmd: []string{"bash"}},
	}
}

// nonewprivs tells whether a set-user-ID program gets its rights.
func nonewprivs(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:     "nonewprivs",
		Names:    names(asked.Nonewprivs),
		On:       base,
		Programs: map[string]assemble.Program{"usr/local/bin/nnp": upstream("nonewprivs")},
		Finish: func(t assemble.Tree) error {
			f := t["usr/local/bin/nnp"]
			f.Mode = 0o6755
			t["usr/local/bin/nnp"] = f
			return nil
		},
		Config: v1.Config{Env: []string{"PATH=" + assemble.Path}, Cmd: []string{"nnp"}},
	}
}

// tools are two images of which the tests only use programs.
func tools(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:     "tools",
		Names:    names(asked.IpcUtils, asked.GlibcDnsTesting),
		On:       base,
		Packages: []string{"bind9-dnsutils"},
		Config:   v1.Config{Env: []string{"PATH=" + assemble.Path}, Cmd: []string{"bash"}},
	}
}

func etcd() assemble.Recipe {
	return assemble.Recipe{
		Name:     "etcd",
		Names:    names(asked.Etcd),
		Programs: map[string]assemble.Program{"usr/local/bin/etcd": {Dir: "engine", Package: "go.etcd.io/etcd/server/v3"}},
		Files:    map[string]archive.File{"tmp": assemble.Folder(0o1777, 0), "var/etcd": assemble.Folder(0o700, 0)},
		Config:   v1.Config{Env: []string{"PATH=" + assemble.Path}, Cmd: []string{"/usr/local/bin/etcd"}},
	}
}

func tcp() assemble.Recipe {
	return assemble.Recipe{
		Name:     "regression",
		Names:    names(asked.RegressionIssue74839),
		Programs: map[string]assemble.Program{"regression-issue-74839": upstream("regression-issue-74839")},
		Config:   v1.Config{Entrypoint: []string{"/regression-issue-74839"}},
	}
}

func read(files map[string]archive.File, to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read test image: %w", err)
	}
	files[to] = assemble.Text(string(data))
	return nil
}

func line(t assemble.Tree, name, text string) {
	f := t[name]
	t[name] = assemble.Text(string(f.Content) + text + "\n")
}
