// Package sharded keeps ShardedServices: a StatefulSet of shards, the Service
// that names them, and the router in front with its document. It moves no
// data. Open decide.go first, then objects.go.
package sharded
