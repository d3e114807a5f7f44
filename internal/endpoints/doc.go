// Package endpoints finds who answers behind a Service or a StatefulSet, from
// what the cluster says of its namespace. It is pure and asks nobody. Open
// endpoints.go.
package endpoints
