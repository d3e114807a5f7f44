// Package replicated keeps ReplicatedServices: the router in front of the
// replicas of a workload, its document, and the Service by which the replicas
// are found. It never touches the workload. Open decide.go first, then
// objects.go.
package replicated
