// Package web is what a request over HTTP goes through: match, split, limits,
// retries, timeouts, header edits, and back. Plain HTTP/1.1 runs on the loop
// (client.go, exchange.go, upstream.go); TLS, HTTP/2 and routes whose policies
// need more than one upstream at a time or a store run on goroutines with
// net/http (far.go). Both use the same compiled routes (site.go) and pools. It
// reads no document and opens no listener. Open web.go first.
package web
