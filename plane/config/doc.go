// Package config is the document that a data plane runs: what listens, where
// requests go and under which policies. It reads strictly, fills defaults and
// names every fault with its field; it opens no socket and reads no clock. The
// patterns write it, the plane reads it. Open config.go first.
package config
