// Package carried holds the small programs that the engine needs as files of
// their own: runc, the containerd shim, the CNI plugins and nagi-plane. The
// build puts them in, compressed; Extract lays them out on disk. Start with
// Extract.
package carried

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"nagi.dev/plane/oci"
)

//go:embed all:files
var files embed.FS

// Names are the programs that a complete build carries.
var Names = []string{"runc", "containerd-shim-runc-v2", "ptp", "host-local", "portmap", "nagi-wall", "nagi-plane"}

// ErrNotCarried means that this build left a program out.
var ErrNotCarried = errors.New("not carried by this build; build with make build")

// Read returns one program, unpacked.
func Read(name string) ([]byte, error) {
	b, err := files.ReadFile("files/" + name + ".zst")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, ErrNotCarried)
	}
	z, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	defer z.Close()
	out, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	return out, nil
}

// Extract lays every program out in dir unless the same ones lie there. The
// paths stay the same across versions: running containers name them.
func Extract(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of programs: %w", err)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(Names))
	for i, name := range Names {
		wg.Go(func() { errs[i] = extract(dir, name) })
	}
	wg.Wait()
	return errors.Join(append(errs, link(dir))...)
}

// link gives nagi-plane its second name, under which it stands before runc.
func link(dir string) error {
	name := filepath.Join(dir, oci.Program)
	if to, err := os.Readlink(name); err == nil && to == "nagi-plane" {
		return nil
	}
	_ = os.Remove(name) // what else lies there
	if err := os.Symlink("nagi-plane", name); err != nil {
		return fmt.Errorf("lay out %s: %w", oci.Program, err)
	}
	return nil
}

func extract(dir, name string) error {
	packed, err := files.ReadFile("files/" + name + ".zst")
	if err != nil {
		return fmt.Errorf("lay out %s: %w", name, ErrNotCarried)
	}
	sum := sha256.Sum256(packed)
	file, mark := filepath.Join(dir, name), filepath.Join(dir, "."+name+".sum")
	if have, err := os.ReadFile(mark); err == nil && strings.TrimSpace(string(have)) == hex.EncodeToString(sum[:]) {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
	}
	b, err := Read(name)
	if err != nil {
		return err
	}
	tmp := file + ".new"
	if err := os.WriteFile(tmp, b, 0o755); err != nil {
		return fmt.Errorf("lay out %s: %w", name, err)
	}
	if err := os.Rename(tmp, file); err != nil { // a running one keeps its old file
		return fmt.Errorf("lay out %s: %w", name, err)
	}
	return os.WriteFile(mark, []byte(hex.EncodeToString(sum[:])+"\n"), 0o644)
}
