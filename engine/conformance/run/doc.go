// run runs the upstream conformance tests against a server on a machine of
// test/lab, and prints how many passed and which did not:
//
//	go run ./engine/conformance/run [-focus '\[sig-apps\].*\[Conformance\]'] [-procs 2]
//
// It never changes a test; those that no stand-in image can serve are left out
// by name, each with its reason, in skips.go. Open main.go first.
package main
