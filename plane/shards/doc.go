// Package shards is what codecs of keys have in common: a pool of shards, the
// connections to them that all clients share, their health, and the replies of
// a client put back in order. It knows no protocol: a Language says where a
// reply ends and how a connection begins. It never sends a request twice. Open
// language.go first, then pool.go.
package shards
