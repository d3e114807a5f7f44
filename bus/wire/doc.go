// Package wire reaches a bus.Log over the network: a server and a client with
// a small framed protocol, and HTTP with JSON for people and scripts. It
// keeps nothing and decides nothing about items. Open frame.go first, then
// conn.go; docs/design/0005-durable-log.md has the protocol.
package wire
