// Package topz answers GET /topz with the processes that it sees: all of a pod
// whose containers share them. It reads /proc only when asked and changes
// nothing. Open topz.go first.
package topz
