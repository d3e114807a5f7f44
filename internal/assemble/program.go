package assemble

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compile builds the Go programs of r and returns them by path.
func (b *builder) compile(ctx context.Context, r Recipe) (map[string][]byte, error) {
	if len(r.Programs) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "nagi-images-")
	if err != nil {
		return nil, fmt.Errorf("make build folder: %w", err)
	}
	defer os.RemoveAll(dir)
	built := map[string][]byte{}
	for where, p := range r.Programs {
		out := filepath.Join(dir, "program")
		if err := goBuild(ctx, filepath.Join(b.Project, p.Dir), p, out); err != nil {
			return nil, err
		}
		if built[where], err = os.ReadFile(out); err != nil {
			return nil, fmt.Errorf("read %s: %w", p.Package, err)
		}
	}
	return built, nil
}

// goBuild builds a static program; its bytes do not depend on this machine's
// folders.
func goBuild(ctx context.Context, dir string, p Program, out string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, p.Package)
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if p.Alone {
		c.Env = append(c.Env, "GOWORK=off")
	}
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s in %s: %w: %s", p.Package, dir, err, strings.TrimSpace(string(text)))
	}
	return nil
}
