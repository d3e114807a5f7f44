// Package lab runs whole machines as namespaces on one host: each has its own
// network, mounts, processes, name and cgroups, and a data folder that
// outlives a power-off. It never touches the host's own network, and leaves
// nothing behind, not even when the test dies. Start with New in lab.go, then
// machine.go.
package lab
