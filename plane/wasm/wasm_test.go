package wasm

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// section is one of a module: its number, its size, its contents.
func section(id byte, b ...byte) []byte {
	return append(binary.AppendUvarint([]byte{id}, uint64(len(b))), b...)
}

func text(s string) []byte { return append([]byte{byte(len(s))}, s...) }

// module is one that imports fd_read and fd_write and whose _start is code.
func module(t *testing.T, code ...byte) string {
	t.Helper()
	b := []byte("\x00asm\x01\x00\x00\x00")
	// Types: (i32 i32 i32 i32) → i32, and () → ().
	b = append(b, section(1, 2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0)...)
	imports := []byte{2}
	for _, f := range []string{"fd_read", "fd_write"} {
		imports = append(append(append(imports, text("wasi_snapshot_preview1")...), text(f)...), 0, 0)
	}
	b = append(b, section(2, imports...)...)
	b = append(b, section(3, 1, 1)...)
	b = append(b, section(5, 1, 0, 1)...)
	exports := append(append([]byte{2}, text("memory")...), 2, 0)
	exports = append(append(exports, text("_start")...), 0, 2)
	b = append(b, section(7, exports...)...)
	body := append([]byte{0}, append(code, 0x0b)...)
	b = append(b, section(10, append(binary.AppendUvarint([]byte{1}, uint64(len(body))), body...)...)...)
	file := filepath.Join(t.TempDir(), "m.wasm")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// echo reads into address 64 and writes what it read, until there is no more.
// The vector stands at 0, the count at 8.
var echo = []byte{
	0x03, 0x40, // loop
	0x41, 0, 0x41, 0xc0, 0, 0x36, 2, 0, // *0 = 64
	0x41, 4, 0x41, 0x80, 8, 0x36, 2, 0, // *4 = 1024
	0x41, 0, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 0, 0x1a, // fd_read(0, 0, 1, 8)
	0x41, 8, 0x28, 2, 0, 0x04, 0x40, // if *8
	0x41, 4, 0x41, 8, 0x28, 2, 0, 0x36, 2, 0, // *4 = *8
	0x41, 1, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 1, 0x1a, // fd_write(1, 0, 1, 8)
	0x0c, 1, // again
	0x0b, 0x0b,
}

func TestAModuleIsAFilter(t *testing.T) {
	m, err := New(module(t, echo...))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	in := strings.Repeat("nagi ", 1000)
	for range 3 { // each run begins anew
		out, err := m.Run(t.Context(), []byte(in), 1<<20)
		if err != nil || string(out) != in {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	}
	if out, err := m.Run(t.Context(), []byte(in), 100); err == nil && string(out) == in {
		t.Error("the bound of the output does not hold")
	}
}

func TestAModuleThatDoesNotEndIsEnded(t *testing.T) {
	m, err := New(module(t, 0x03, 0x40, 0x0c, 0, 0x0b))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := m.Run(ctx, nil, 1); err == nil {
		t.Error("it ended by itself")
	}
}

func TestWhatIsNoModuleIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{file, file + "missing"} {
		if _, err := New(f); err == nil {
			t.Errorf("%s was taken", f)
		}
	}
}
