// buscheck judges the durable log from outside: producers and workers go on
// over the network while the server is killed -9 at random, and then only
// what the clients were told is compared with what the log has recorded.
//
//	go run ./test/buscheck [-for 60s] [-seed 1] [-dir DIR]
//
// It ends with 1 when an acknowledged item is lost, or one was recorded
// twice. It knows nothing of how the log keeps things. Open main.go, then
// verify.go.
package main
