// Package plane is nagi-plane, the small program that rides in pods: it picks
// a command, reads its flags and runs it. It never links a Kubernetes client;
// what it asks of the API it asks with net/http. Open plane.go first.
package plane
