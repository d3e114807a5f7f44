// Package compose turns compose files into Kubernetes objects: it reads and
// checks them, reports what becomes of every attribute, packs the files they
// name and decides what should exist. It never talks to a server and never
// drops an attribute in silence; what an object may look like is decided in
// pure functions, so that a dry run and the controller cannot differ.
// Open load.go first, then objects.go.
package compose
