// Package archive writes images as one tar file that is an OCI layout and a
// Docker archive at once, and makes layers from files; equal input gives
// equal bytes. It never talks to a registry and never compresses: layers are
// unpacked sooner than they would be read compressed. Open archive.go first.
package archive
