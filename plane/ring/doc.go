// Package ring says where a key belongs: thirteen hashes, and the distributions
// ketama, modula, random, maglev and jump over members with weights. The first
// twelve hashes and the first three distributions place every key where
// twemproxy places it, quirks included. It decides only: no socket, no clock;
// chance comes in. Open ring.go first.
package ring
