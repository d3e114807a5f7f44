// Package follow is where a plane's document comes from when the platform
// streams it: the last good one is kept on disk, so that a plane starts and
// runs without the platform. It never runs a document itself. Open follow.go
// first.
package follow
