// wall is the CNI plugin nagi-wall: it holds a new pod until its network
// policies stand (engine/netpol), and closes the two ways around them, IPv6
// and forged addresses. It gives no address and makes no interface. Open
// main.go first.
package main
