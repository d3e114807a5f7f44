// Package balance decides which endpoint of a pool gets a request: the less
// busy of two, in turn, by a ring with bounded load, or where a client was
// before. It ejects endpoints that fail, takes them back on trial, and holds
// the budgets of retries and hedges, rate limits and circuit breakers. It opens
// no socket and reads no clock: time and chance come in. Open pool.go first,
// then decide.go.
package balance
