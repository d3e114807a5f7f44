// Package drift tells whether an object in the cluster still holds everything
// that was asked of it, whatever the server added. It knows the lists that
// server-side apply merges by a key, and never reads or writes a cluster. Open
// drift.go first.
package drift
