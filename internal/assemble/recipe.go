package assemble

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
)

// A Recipe says what one image holds. Only Name and Names are required.
type Recipe struct {
	Name     string   // the archive's file name, without .tar: "redis"
	Names    []string // what the image is called, in full: "docker.io/library/redis:7"
	On       *Recipe  // the image below, whose layers it shares; nil: none
	Packages []string // Debian packages, installed with all they depend on
	Without  []string // patterns of packages left out although something depends on them
	Drop     []string // patterns of paths left out: "usr/lib/*/bitcode/**"
	Users    []User
	Files    map[string]archive.File // by path, without a leading slash
	Programs map[string]Program      // Go programs by path
	Finish   func(Tree) error        // what an installation script would do; nil: nothing
	Config   v1.Config
}

// A User gets a line in /etc/passwd and one in /etc/group.
type User struct {
	Name  string
	ID    int // of the user and of the group
	Home  string
	Shell string // "": /usr/sbin/nologin
}

// A Program is a Go program that is built for the image, static.
type Program struct {
	Dir     string // folder of the module, from the top of the project: "examples"
	Package string // "./voting/web"
	Alone   bool   // the module stands outside of the workspace
}

// Text is a file with mode 0644.
func Text(content string) archive.File {
	return archive.File{Type: regular, Mode: 0o644, Content: []byte(content)}
}

// Script is a file with mode 0755.
func Script(content string) archive.File {
	return archive.File{Type: regular, Mode: 0o755, Content: []byte(content)}
}

// Link is a symbolic link.
func Link(target string) archive.File {
	return archive.File{Type: symlink, Mode: 0o777, Link: target}
}

// Folder is a folder of user and group id.
func Folder(mode int64, id int) archive.File {
	return archive.File{Type: folder, Mode: mode, UID: id, GID: id}
}
