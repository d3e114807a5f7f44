// Package memcache is the codec of memcached's text and meta commands: it shards
// what clients ask over a pool, as plane/redis does. A get of keys of several
// shards is split and merged. noreply and q are kept from the shards, for errors
// come all the same and would be taken for replies; the proxy drops them itself.
// It does not speak the binary protocol. Open service.go first, then commands.go.
package memcache
