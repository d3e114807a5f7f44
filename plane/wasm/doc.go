// Package wasm runs a WebAssembly module as a filter: what stands on its
// standard input becomes what it writes to its standard output (WASI preview
// 1). The module gets no files, no network and no more than 64 MiB; each run
// begins anew. Open wasm.go first.
package wasm
