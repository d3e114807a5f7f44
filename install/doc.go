// Package install puts the platform (kinds, controllers) onto a cluster that
// exists, with no more rights than it uses, and takes it away again without
// ending a workload. It never touches the engine of a server of Nagi, which
// carries the platform itself. Open objects.go first.
package install
