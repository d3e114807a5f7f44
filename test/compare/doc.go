// Command compare deploys applications, by their own compose files, twice on
// one lab machine: with nagi deploy, and with kompose convert and kubectl
// apply. It counts which attributes of the files the running containers and
// objects honour, by the same judges for both, and takes the time until all is
// ready. Images are stand-ins that it makes: they hold no code of any
// application.
//
//	go run ./test/compare -kompose PATH [-out build/compare] FOLDER...
//	go run ./test/compare -table [-out build/compare]
//
// What counts as honoured is in docs/compose-comparison.md, and in claims.go
// and the files named judge_*.go. Open main.go first, then compare.go.
package main
