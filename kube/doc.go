// Package kube is the way to a cluster for every room above it: a client, its
// server-side apply and the loop of a controller. It alone imports
// controller-runtime, and never knows what a room wants of the cluster. Open
// client.go first, then controller.go.
package kube
