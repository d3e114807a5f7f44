// Package bus is the durable log under queues and events: items are kept
// before they are acknowledged, handed out on leases with fencing tokens, and
// recorded as done once. It holds the interface and the decisions; the
// engines are bus/pebble (embedded), the way over the network is bus/wire. It
// never knows what an item means. Open log.go first, then decide.go.
package bus
