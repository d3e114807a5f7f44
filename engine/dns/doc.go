// Package dns answers names of the cluster, and asks the machine's own
// resolvers for all others: CoreDNS, started inside this process. It never
// opens another port than the one it is given and never changes the
// machine's own resolver settings. Start with dns.go.
package dns
