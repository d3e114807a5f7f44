// Package tcp carries bytes between clients and the endpoints of pools, with
// the balance, health, limits and TLS of the other protocols and no idea of
// what the bytes mean. Plain connections stay on the loop; those with TLS on
// one side run on goroutines. Open tcp.go first.
package tcp
