// Package sidecar keeps Sidecars: what each puts into the pods that it
// selects, which pods have it, and what becomes of those that have not. It
// never touches a pod's own containers. Open rule.go first, then decide.go.
package sidecar
