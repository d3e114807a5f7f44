// Package check asks endpoints by itself whether they are healthy, each on a
// goroutine of its own, and reports when its mind changes. It chooses no
// endpoint. Open check.go first, then decide.go.
package check
