// Command pack compresses files for package carried: pack OUTDIR FILE...
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: pack OUTDIR FILE...")
		os.Exit(2)
	}
	for _, file := range os.Args[2:] {
		if err := pack(os.Args[1], file); err != nil {
			fmt.Fprintln(os.Stderr, "pack:", err)
			os.Exit(1)
		}
	}
}

// pack writes only what changed, so that the build cache stays warm.
func pack(dir, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	packed := w.EncodeAll(b, nil)
	out := filepath.Join(dir, filepath.Base(file)+".zst")
	if have, err := os.ReadFile(out); err == nil && string(have) == string(packed) {
		return nil
	}
	return os.WriteFile(out, packed, 0o644)
}
