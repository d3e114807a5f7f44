// Package wait is the gate of depends_on: it asks the API server until the
// workloads a service needs are started, healthy or completed. It never
// changes an object and never gives up on an API server that is away. Open
// decide.go first, then wait.go.
package wait
