// Package image makes the system's own images (plane, pause) from the
// nagi-plane binary, in memory, and checks archives that people bring before
// they are imported. It never pulls and never touches containerd's store.
// Open system.go first.
package image
