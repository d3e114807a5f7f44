// Package storage makes and removes persistent volumes that are folders of
// this node, and keeps the StorageClass "local" that asks for them. It never
// removes a folder without the PersistentVolume that names it, and follows no
// link out of its own folder. Start with decide.go.
package storage
