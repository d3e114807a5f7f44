// Package keep applies the objects of a pattern as they are wanted, only when
// they changed, and never one that belongs to another. It decides nothing
// about them. Open keep.go.
package keep
