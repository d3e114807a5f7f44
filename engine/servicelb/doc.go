// Package servicelb answers Services of type LoadBalancer on the addresses of
// this machine: for connections from the machine itself with a relay, for
// those from outside with a rule in the kernel that keeps the client's
// address. It never opens a port on an address it was not given, and never
// takes one that another process holds. Start with decide.go.
package servicelb
