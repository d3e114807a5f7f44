// Package router is what stands in front of a pattern: pods of nagi-plane that
// follow one document, and the Service by which they are found. It is pure and
// applies nothing. Open router.go.
package router
