package recipes

import (
	"embed"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
	"nagi.dev/internal/assemble"
)

// All lists every image of the examples and tests, the simplest first.
func All() []assemble.Recipe {
	base := Base()
	return []assemble.Recipe{
		assemble.Busybox(library("busybox", "latest", "1.36", "1")...),
		base, Redis(&base), Postgres(&base), Nginx(&base), Httpd(&base), voting(),
	}
}

// Base is the Debian on which the others stand.
func Base() assemble.Recipe {
	return assemble.Debian(library("debian", "latest", "12", "12-slim", "bookworm", "bookworm-slim")...)
}

// voting holds the three programs of examples/voting.
func voting() assemble.Recipe {
	program := func(name string) assemble.Program {
		return assemble.Program{Dir: "examples", Package: "./voting/" + name, Alone: true}
	}
	return assemble.Recipe{
		Name:     "voting",
		Names:    []string{"nagi.dev/examples/voting:1"},
		Programs: map[string]assemble.Program{"web": program("web"), "worker": program("worker"), "result": program("result")},
		Config:   v1.Config{User: "65535:65535", Cmd: []string{"/web"}},
	}
}

//go:embed files
var files embed.FS

// script reads an entry point of ours.
func script(name string) archive.File {
	data, err := files.ReadFile("files/" + name)
	if err != nil {
		panic(err) // a file named here is not embedded: a mistake in this file
	}
	return assemble.Script(string(data))
}

func text(name string) archive.File {
	f := script(name)
	f.Mode = 0o644
	return f
}
