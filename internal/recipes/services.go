package recipes

import (
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
	"nagi.dev/internal/assemble"
)

func library(name string, tags ...string) []string {
	var all []string
	for _, t := range tags {
		all = append(all, "docker.io/library/"+name+":"+t)
	}
	return all
}

// Redis is the server and its client, under the user redis.
func Redis(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:     "redis",
		Names:    library("redis", "latest", "alpine", "7", "7-alpine", "7.0", "7.0-alpine"),
		On:       base,
		Packages: []string{"redis-server", "redis-tools"},
		Users:    []assemble.User{{Name: "redis", ID: 999, Home: "/data"}},
		Files: map[string]archive.File{
			"data":                               assemble.Folder(0o755, 999),
			"usr/local/bin/docker-entrypoint.sh": script("redis.sh"),
		},
		Config: v1.Config{
			Env:          []string{"PATH=" + assemble.Path},
			Entrypoint:   []string{"docker-entrypoint.sh"},
			Cmd:          []string{"redis-server"},
			WorkingDir:   "/data",
			Volumes:      map[string]struct{}{"/data": {}},
			ExposedPorts: map[string]struct{}{"6379/tcp": {}},
		},
	}
}

// Postgres is the server with an entry point that sets up an empty data
// folder. It has no LLVM: its compiler for queries would be two thirds of the
// image. Without the module the server does without the compiler.
func Postgres(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:     "postgres",
		Names:    library("postgres", "latest", "alpine", "15", "15-alpine", "15-bookworm"),
		On:       base,
		Packages: []string{"postgresql", "tzdata"},
		Without:  []string{"libllvm*", "libz3-*", "locales", "libc-l10n"},
		Drop:     []string{"usr/lib/postgresql/*/lib/llvmjit*", "usr/lib/postgresql/*/lib/bitcode", "usr/lib/postgresql/*/lib/bitcode/**"},
		Users:    []assemble.User{{Name: "postgres", ID: 999, Home: "/var/lib/postgresql", Shell: "/bin/bash"}},
		Files: map[string]archive.File{
			"docker-entrypoint-initdb.d":         assemble.Folder(0o755, 0),
			"run/postgresql":                     assemble.Folder(0o3777, 999),
			"var/lib/postgresql":                 assemble.Folder(0o755, 999),
			"var/lib/postgresql/data":            assemble.Folder(0o700, 999),
			"usr/local/bin/docker-entrypoint.sh": script("postgres.sh"),
		},
		Finish: linkPrograms("usr/lib/postgresql/*/bin/*", "usr/local/bin"),
		Config: v1.Config{
			Env:          []string{"PATH=" + assemble.Path, "LANG=C.UTF-8", "PGDATA=/var/lib/postgresql/data"},
			Entrypoint:   []string{"docker-entrypoint.sh"},
			Cmd:          []string{"postgres"},
			StopSignal:   "SIGINT",
			Volumes:      map[string]struct{}{"/var/lib/postgresql/data": {}},
			ExposedPorts: map[string]struct{}{"5432/tcp": {}},
		},
	}
}

// Nginx serves /usr/share/nginx/html and takes servers from /etc/nginx/conf.d.
func Nginx(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:     "nginx",
		Names:    library("nginx", "latest", "alpine", "1", "1-alpine", "stable", "stable-alpine", "1.25", "1.25-alpine", "1.27", "1.27-alpine"),
		On:       base,
		Packages: []string{"nginx"},
		Without:  []string{"iproute2", "libbpf*", "libelf*", "libmnl*", "libxtables*"},
		Drop:     []string{"etc/nginx/**", "var/www/**", "usr/share/nginx/html/**"},
		Users:    []assemble.User{{Name: "nginx", ID: 101, Home: "/nonexistent"}},
		Files: map[string]archive.File{
			"etc/nginx/nginx.conf":          text("nginx.conf"),
			"etc/nginx/mime.types":          text("mime.types"),
			"etc/nginx/conf.d/default.conf": text("nginx-default.conf"),
			"usr/share/nginx/html/index.html": assemble.Text("<!doctype html>\n<title>nginx</title>\n<h1>Welcome to nginx</h1>\n" +
				"<p>The server answers. Mount your pages at /usr/share/nginx/html.</p>\n"),
			"usr/share/nginx/html/50x.html": assemble.Text("<!doctype html>\n<title>Error</title>\n<h1>The page is not available for now</h1>\n"),
			"var/lib/nginx":                 assemble.Folder(0o755, 101),
			"var/cache/nginx":               assemble.Folder(0o755, 101),
			"var/log/nginx/access.log":      assemble.Link("/dev/stdout"),
			"var/log/nginx/error.log":       assemble.Link("/dev/stderr"),
		},
		Config: v1.Config{
			Env:          []string{"PATH=" + assemble.Path},
			Cmd:          []string{"nginx", "-g", "daemon off;"},
			StopSignal:   "SIGQUIT",
			ExposedPorts: map[string]struct{}{"80/tcp": {}},
		},
	}
}

// Httpd is Apache under the paths of the usual image.
func Httpd(base *assemble.Recipe) assemble.Recipe {
	return assemble.Recipe{
		Name:     "httpd",
		Names:    library("httpd", "latest", "alpine", "2", "2-alpine", "2.4", "2.4-alpine"),
		On:       base,
		Packages: []string{"apache2-bin"},
		Files: map[string]archive.File{
			"usr/local/apache2/conf/httpd.conf":   text("httpd.conf"),
			"usr/local/apache2/conf/mime.types":   text("httpd.types"),
			"usr/local/apache2/htdocs/index.html": assemble.Text("<html><body><h1>It works!</h1></body></html>\n"),
			"usr/local/apache2/logs":              assemble.Folder(0o755, 0),
			"usr/local/bin/httpd-foreground":      script("httpd.sh"),
		},
		Config: v1.Config{
			Env:          []string{"PATH=" + assemble.Path},
			Cmd:          []string{"httpd-foreground"},
			WorkingDir:   "/usr/local/apache2",
			StopSignal:   "SIGWINCH",
			ExposedPorts: map[string]struct{}{"80/tcp": {}},
		},
	}
}

// linkPrograms links everything that pattern names into dir.
func linkPrograms(pattern, dir string) func(assemble.Tree) error {
	return func(t assemble.Tree) error {
		for _, p := range t.Glob(pattern) {
			t[dir+"/"+path.Base(p)] = assemble.Link("/" + p)
		}
		return nil
	}
}
