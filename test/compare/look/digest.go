package look

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The most that a digest looks at; beyond, the digest says so and is equal to
// that of no other content.
const (
	mostFiles = 2000
	mostBytes = 32 << 20
)

// Empty is the digest of a folder without files, and of an empty file's bytes.
const Empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Stat tells what lies at name.
func Stat(name string) Path {
	info, err := os.Stat(name)
	if err != nil {
		return Path{}
	}
	p := Path{Exists: true, Folder: info.IsDir(), Mode: uint32(info.Mode().Perm())}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		p.UID, p.GID = int(s.Uid), int(s.Gid)
	}
	p.Digest = Digest(name)
	return p
}

// Digest stands for the content of a file, or of all names and files below a
// folder. Names that begin with ".." are Kubernetes' own and count as nothing.
func Digest(name string) string {
	h := sha256.New()
	files, bytes := 0, int64(0)
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return ""
	}
	err = walk(real, "", func(rel, at string) error {
		if files++; files > mostFiles || bytes > mostBytes {
			return fmt.Errorf("%s holds too much", name)
		}
		f, err := os.Open(at)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(h, "%s\x00", rel)
		n, err := io.Copy(h, io.LimitReader(f, mostBytes))
		bytes += n
		return err
	})
	if err != nil {
		return "unknown: " + err.Error()
	}
	return hex.EncodeToString(h.Sum(nil))
}

// walk calls f with every regular file below dir, in order; links are followed.
func walk(at, rel string, f func(rel, at string) error) error {
	info, err := os.Stat(at)
	if err != nil {
		return nil //nolint:nilerr // a link to nowhere is nothing
	}
	if info.Mode().IsRegular() {
		return f(rel, at)
	}
	if !info.IsDir() {
		return nil
	}
	var entries []fs.DirEntry
	if entries, err = os.ReadDir(at); err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") {
			continue
		}
		if err := walk(filepath.Join(at, e.Name()), filepath.Join(rel, e.Name()), f); err != nil {
			return err
		}
	}
	return nil
}
