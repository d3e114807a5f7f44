// Package certs makes the TLS of listeners and pools out of files that change
// while they are in use: a renewed certificate is served from the next
// handshake on. It opens no socket. Open certs.go first.
package certs
