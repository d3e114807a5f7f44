// Package pebble keeps a bus.Log on this machine in Pebble: one batch a
// change, synced before it is acknowledged, syncs shared by all who write. It
// writes nothing to disk by itself and takes no decision that bus/decide.go
// could take. Open log.go first; docs/design/0005-durable-log.md has every key.
package pebble
