// Package graft is what kinds put into pods: a helper, its volumes, what it
// shares, and the patch that puts it there. It is pure: it never asks a
// cluster and never takes anything out of a pod. Open graft.go first, then
// patch.go.
package graft
