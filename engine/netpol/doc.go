// Package netpol makes NetworkPolicies walls: it keeps rules in the kernel that
// judge every packet of a connection by who began it and who really answers,
// so that a policy also ends connections that it comes to forbid. It never
// judges what the machine itself sends to pods, and keeps no table while there
// is no policy. Start with decide.go.
package netpol
