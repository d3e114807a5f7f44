// Package proxy makes a document run: it opens listeners and keeps them open
// across changes, hands connections to the codec of their protocol, and shows
// what runs at a local endpoint. It speaks no protocol itself and chooses no
// backend. Open proxy.go first, then codec.go.
package proxy
