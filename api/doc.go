// Package api holds the resources that Nagi adds to Kubernetes: their Go
// types, one folder a version, and their definitions in crds. It never acts on
// a cluster and never imports client-go, so that other programs may use it. Open
// v1alpha1/stack.go first.
package api
