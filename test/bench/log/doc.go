// log measures the durable log over TCP beside other queues, in one run and
// at equal durability: each syncs before it acknowledges.
//
//	go run ./test/bench/log [-only nagi,redis] [-s 2s] [-dir /var/tmp] [-out bench/latest.json]
//
// Every peer is started here, on loopback, with a folder of its own, and
// ended by its process id; one that is not installed has no rows. Items are
// 256 bytes. It never judges: a missed target is a row, not a failure. Open
// main.go, then measure.go.
package main
