// bench measures a server on machines of test/lab and prints each figure
// beside its target:
//
//	go run ./test/bench [-runs 5] [-idle 2m] [-pods 100] [-only restart] [-out bench/latest.json]
//
// It never judges: a missed target is a row, not a failure. Open main.go, then
// measure.go.
package main
