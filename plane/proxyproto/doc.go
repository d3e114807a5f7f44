// Package proxyproto reads and writes the PROXY header, versions 1 and 2, with
// which a proxy in front tells whom it speaks for. It does nothing else. Open
// proxyproto.go first.
package proxyproto
