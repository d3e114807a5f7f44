package build

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		tags []string
		want []string
		err  string
	}{
		{name: "a short name is the one of Docker Hub", tags: []string{"web"}, want: []string{"docker.io/library/web@sha256:1", "docker.io/library/web:latest"}},
		{
			name: "the first name holds the digest, the others are tags",
			tags: []string{"r.test/a:1", "b:2"},
			want: []string{"r.test/a@sha256:1", "r.test/a:1", "docker.io/library/b:2"},
		},
		{name: "capitals are refused", tags: []string{"Web"}, err: "no name of an image"},
		{name: "a digest is refused", tags: []string{"web@sha256:" + strings.Repeat("0", 64)}, err: "names a digest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := names(tt.tags, "sha256:1")
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v; want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	base := map[string]string{"cmdline": "builtin", "filename": "Dockerfile", "image-resolve-mode": "local"}
	with := func(more map[string]string) map[string]string {
		out := map[string]string{}
		for k, v := range base {
			out[k] = v
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	for _, tt := range []struct {
		name string
		r    Request
		want map[string]string
	}{
		{name: "nothing asked is the builtin reader and the images that are here", want: base},
		{name: "pull asks registries first", r: Request{Pull: true}, want: with(map[string]string{"image-resolve-mode": "pull"})},
		{name: "no cache at all is an empty list", r: Request{NoCache: true}, want: with(map[string]string{"no-cache": ""})},
		{name: "stages without cache are a list", r: Request{NoCacheOf: []string{"a", "b"}}, want: with(map[string]string{"no-cache": "a,b"})},
		{
			name: "arguments, labels and contexts go by name",
			r: Request{
				Args: map[string]string{"A": "1"}, Labels: map[string]string{"l": "x"},
				Contexts: map[string]string{"more": "/srv/more", "base": "docker-image://alpine"},
			},
			want: with(map[string]string{"build-arg:A": "1", "label:l": "x", "context:more": "local:named-more", "context:base": "docker-image://alpine"}),
		},
		{
			name: "limits and hosts are lists",
			r:    Request{Network: "none", ShmSize: 64, Ulimits: []string{"nofile=1:2"}, ExtraHosts: []string{"a=10.0.0.1", "b=10.0.0.2"}, Target: "t"},
			want: with(map[string]string{"force-network-mode": "none", "shm-size": "64", "ulimit": "nofile=1:2", "add-hosts": "a=10.0.0.1,b=10.0.0.2", "target": "t"}),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, attributes(tt.r, "Dockerfile")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    Request
		want string // "": it is built
	}{
		{name: "a folder with a name is built", r: Request{Context: "/srv/app"}},
		{name: "an image as context is taken", r: Request{Contexts: map[string]string{"a": "docker-image://b"}}},
		{name: "a git context is refused", r: Request{Context: "https://example.com/app.git"}, want: "only folders"},
		{name: "a git context by its short name is refused", r: Request{Context: "git@example.com:app"}, want: "only folders"},
		{name: "a named git context is refused", r: Request{Contexts: map[string]string{"a": "https://example.com/a.git"}}, want: "only folders"},
		{name: "another network is refused", r: Request{Network: "back"}, want: "none or host"},
		{name: "a platform that is none is refused", r: Request{Platform: "a/b/c/d"}, want: "platform a/b/c/d"},
		{name: "another platform is refused", r: Request{Platform: "linux/s390x"}, want: "for this machine"},
		{name: "a cache in a registry is refused", r: Request{CacheTo: []map[string]string{{"type": "registry"}}}, want: "type=local"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.Tags = []string{"app"}
			err := refuse(tt.r)
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v; want %q", err, tt.want)
			}
		})
	}
	if refuse(Request{}) == nil {
		t.Error("an image without a name is built")
	}
}

func TestReason(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{
			name: "what only says that it failed is cut",
			text: "failed to solve: process \"/bin/sh -c false\" did not complete successfully: exit code: 1",
			want: "process \"/bin/sh -c false\" did not complete successfully: exit code: 1",
		},
		{
			name: "a missing base begins with itself",
			text: "failed to solve: a: failed to resolve source metadata for a: base image a is not here",
			want: "base image a is not here",
		},
		{name: "a line stays one line", text: "a\nb\x1b", want: "a b "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := reason(tt.text); got != tt.want {
				t.Errorf("%q; want %q", got, tt.want)
			}
		})
	}
}

func TestKeep(t *testing.T) {
	const gb = 1 << 30
	for _, tt := range []struct {
		name      string
		disk, max int64
	}{
		{"a disk of unknown size keeps the least", 0, 2 * gb},
		{"a small disk keeps the least", 8 * gb, 2 * gb},
		{"a tenth of a usual disk", 100 * gb, 10 * gb},
		{"never more than the most", 1000 * gb, 20 * gb},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := keep(tt.disk).MaxUsedSpace; got != tt.max {
				t.Errorf("%d; want %d", got, tt.max)
			}
		})
	}
}

func TestRelative(t *testing.T) {
	const store = "/s/snapshots"
	for _, tt := range []struct {
		name    string
		options []string
		want    []string
		ok      bool
	}{
		{
			name:    "layers are named by their place in the store",
			options: []string{"workdir=/s/snapshots/3/work", "upperdir=/s/snapshots/3/fs", "lowerdir=/s/snapshots/2/fs:/s/snapshots/1/fs"},
			want:    []string{"index=off", "workdir=3/work", "upperdir=3/fs", "lowerdir=2/fs:1/fs"}, ok: true,
		},
		{
			name:    "what the kernel adds is left out, and short names stay",
			options: []string{"rw", "lowerdir=2/fs:1/fs", "upperdir=/s/snapshots/3/fs", "workdir=/s/snapshots/3/work", "uuid=on", "nouserxattr", "volatile"},
			want:    []string{"index=off", "lowerdir=2/fs:1/fs", "upperdir=3/fs", "workdir=3/work", "volatile"}, ok: true,
		},
		{
			name:    "an overlay that is turned already is not turned again",
			options: []string{"rw", "lowerdir=1/fs", "upperdir=3/fs", "workdir=3/work"},
			want:    []string{"index=off", "lowerdir=1/fs", "upperdir=3/fs", "workdir=3/work"},
		},
		{name: "layers of another store are none of ours", options: []string{"lowerdir=/s/snapshots/1/fs:/elsewhere/1/fs"}},
		{name: "a name that only begins like the store is another", options: []string{"lowerdir=/s/snapshots-old/1/fs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := relative(tt.options, store)
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
				t.Errorf("ok %v; want %v (-want +got):\n%s", ok, tt.ok, diff)
			}
		})
	}
}

func FuzzRelative(f *testing.F) {
	f.Add("lowerdir=/s/1/fs:/s/2/fs,upperdir=/s/3/fs,workdir=/s/3/work")
	f.Add("lowerdir=,=,a=b,upperdir=/")
	f.Fuzz(func(t *testing.T, text string) {
		out, ok := relative(strings.Split(text, ","), "/s")
		for _, o := range out {
			if ok && (strings.Contains(o, "=/") || strings.Contains(o, ":/")) && !strings.Contains(text, "//") {
				t.Errorf("%q names a place outside of the store: %q", text, o)
			}
		}
	})
}

func TestUnprivileged(t *testing.T) {
	s := &specs.Spec{Linux: &specs.Linux{}, Mounts: []specs.Mount{{Destination: "/proc", Type: "proc"}, {Destination: "/sys", Type: "sysfs"}}}
	unprivileged(s, "/run/users/a")
	borrowSys(s)
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: firstID, Size: idCount}}
	want := &specs.Spec{
		Linux: &specs.Linux{UIDMappings: ids, GIDMappings: ids, Namespaces: []specs.LinuxNamespace{{Type: specs.UserNamespace, Path: "/run/users/a"}}},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"},
			{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "rro"}},
		},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := idMap(); got != "0:1879048192:268304384" {
		t.Errorf("the range is %s", got)
	}
}
