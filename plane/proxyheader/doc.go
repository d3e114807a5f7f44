// Package proxyheader reads and writes the PROXY header, versions 1 and 2, by
// which a proxy in front says whom it speaks for (haproxy's proxy-protocol.txt).
// It opens no socket. Open proxyheader.go first.
package proxyheader
