// plane measures a data plane beside its peers, all on this machine and in one
// run, and prints each figure beside its target:
//
//	go run ./test/bench/plane [-rounds 3] [-out bench/latest.json] redis
//
// Direct, peer and plane take turns, so that what else the machine does falls on
// all of them; medians count. What one request costs in processor time is the
// figure that matters, for all share the same cores. It never judges: a missed
// target is a row, not a failure. Rows of other benches in the file are kept.
// Open main.go, then redis.go.
package main
