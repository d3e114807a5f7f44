package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

const (
	maxPages = 1024 // of 64 KiB
	maxError = 512  // bytes of standard error that are told
)

// A Module is a compiled module. It may run on any goroutine, and on many at
// once.
type Module struct {
	r wazero.Runtime
	m wazero.CompiledModule
}

// New compiles the module in a file.
func New(file string) (*Module, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(maxPages).WithCloseOnContextDone(true))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, errors.Join(err, r.Close(ctx))
	}
	m, err := r.CompileModule(ctx, b)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compile module %s: %w", file, err), r.Close(ctx))
	}
	return &Module{r, m}, nil
}

// Close frees the module.
func (m *Module) Close() { _ = m.r.Close(context.Background()) }

// Run runs the module once. It ends with ctx, and writes no more than most
// bytes.
func (m *Module) Run(ctx context.Context, in []byte, most int) ([]byte, error) {
	out, complaint := &bounded{most: most}, &bounded{most: maxError, cut: true}
	c := wazero.NewModuleConfig().WithName("").WithStdin(bytes.NewReader(in)).WithStdout(out).WithStderr(complaint)
	i, err := m.r.InstantiateModule(ctx, m.m, c)
	if i != nil {
		defer i.Close(ctx)
	}
	if exit, ok := errors.AsType[*sys.ExitError](err); ok && exit.ExitCode() == 0 {
		err = nil
	}
	switch {
	case err != nil && complaint.Len() > 0:
		return nil, fmt.Errorf("run module: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	case err != nil:
		return nil, fmt.Errorf("run module: %w", err)
	}
	return out.Bytes(), nil
}

// A bounded buffer takes so many bytes; cut forgets the rest, else it is a fault.
type bounded struct {
	bytes.Buffer
	most int
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.Len(); len(p) > room {
		if !b.cut {
			return 0, fmt.Errorf("the output is larger than %d bytes", b.most)
		}
		_, _ = b.Buffer.Write(p[:room])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
