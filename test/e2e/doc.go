// Package e2e holds the tests that see Nagi as its users do: the real binary,
// on whole machines of test/lab. It never touches the host's network or its
// own server, and needs bin/nagi (or NAGI_BINARY) and the images of build.
// Read one of testdata's scripts first, then machine_test.go.
package e2e
