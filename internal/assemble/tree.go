package assemble

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"nagi.dev/internal/archive"
)

const (
	regular = tar.TypeReg
	symlink = tar.TypeSymlink
	folder  = tar.TypeDir
)

// A Tree is what an image holds, by path, without a leading slash.
type Tree map[string]archive.File

// merged are the folders that are links into usr.
var merged = []string{"bin", "sbin", "lib", "lib64"}

// addTar adds the files of a package. Folders come and go with what is in
// them unless they carry rights of their own.
func (t Tree) addTar(r io.Reader, drop dropper) error {
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := home(h.Name)
		if name == "." || name == "usr" || slices.Contains(merged, name) || drop.matches(name) {
			continue
		}
		f := archive.File{Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Link: h.Linkname}
		switch h.Typeflag {
		case tar.TypeReg:
			if f.Content, err = io.ReadAll(tr); err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
		case tar.TypeLink:
			f.Link = home(h.Linkname)
		case tar.TypeSymlink:
			f.Link = target(h.Name, name, h.Linkname)
		case tar.TypeDir:
		default:
			return fmt.Errorf("read %s: a package may not hold a device", name)
		}
		t[name] = f
	}
}

// home is where a path of a package lies when /bin is a link to /usr/bin.
func home(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	first, rest, deeper := strings.Cut(name, "/")
	if deeper && slices.Contains(merged, first) {
		return "usr/" + first + "/" + rest
	}
	return name
}

// target keeps a relative link true when its file moved into usr.
func target(from, to, link string) string {
	if strings.TrimPrefix(path.Clean("/"+from), "/") == to || !strings.HasPrefix(link, "../") {
		return link
	}
	return path.Join("/", path.Dir(path.Clean("/"+from)), link)
}

// without returns the files of t that base does not hold the same way.
func (t Tree) without(base Tree) Tree {
	own := Tree{}
	for name, f := range t {
		if b, ok := base[name]; !ok || !same(b, f) {
			own[name] = f
		}
	}
	return own
}

func same(a, b archive.File) bool {
	return a.Type == b.Type && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Link == b.Link && slices.Equal(a.Content, b.Content)
}

// addUsers writes the users into the tree's own passwd and group files.
func (t Tree) addUsers(users []User) {
	for _, u := range users {
		shell := u.Shell
		if shell == "" {
			shell = "/usr/sbin/nologin"
		}
		t.appendLine("etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:%s", u.Name, u.ID, u.ID, u.Home, shell))
		t.appendLine("etc/group", fmt.Sprintf("%s:x:%d:", u.Name, u.ID))
	}
}

func (t Tree) appendLine(name, line string) {
	f, ok := t[name]
	if !ok {
		f = Text("")
	}
	f.Content = append(slices.Clone(f.Content), line+"\n"...)
	t[name] = f
}

// Glob returns the paths that match pattern, sorted. "**" stands for any
// number of folders.
func (t Tree) Glob(pattern string) []string {
	d := newDropper([]string{pattern})
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if d.matches(name) {
			all = append(all, name)
		}
	}
	return all
}

// dropper tells which paths are left out.
type dropper []*regexp.Regexp

var wildcards = strings.NewReplacer(`\*\*`, `.*`, `\*`, `[^/]*`)

func newDropper(patterns []string) dropper {
	var d dropper
	for _, p := range patterns {
		d = append(d, regexp.MustCompile("^"+wildcards.Replace(regexp.QuoteMeta(p))+"$"))
	}
	return d
}

func (d dropper) matches(name string) bool {
	return slices.ContainsFunc(d, func(r *regexp.Regexp) bool { return r.MatchString(name) })
}
