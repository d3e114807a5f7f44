// conformance makes stand-ins for the images that the upstream conformance
// tests pull, from the same sources where they are Kubernetes' own and from
// Debian where they are not:
//
//	go run ./engine/conformance -out build/conformance [NAME...]
//
// It never runs a test. Open images.go first.
package main
