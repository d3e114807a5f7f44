// Package kubetest gives a test a real API server: our own binary without a
// node, started once for all tests of a package. It never skips a test and
// leaves no process and no file behind. Open kubetest.go first.
package kubetest
