// Package server is `nagi server`: it prepares the machine, supervises the
// child processes and keeps the status file. What the children do stands in
// children.go, the order in which all begins in Serve. Open serve.go first.
package server
