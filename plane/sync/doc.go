// Package sync keeps a folder as a source has it, and tells a program when it
// changed: by a signal or over HTTP. It replaces each file as a whole and
// keeps what it has when the source is away. Open sync.go first, then
// decide.go.
package sync
