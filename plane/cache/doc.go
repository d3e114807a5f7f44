// Package cache keeps answers in memory as RFC 9111 allows a shared cache. What
// may be stored, how long it is fresh and what a request may get of it is
// decided by pure functions (rfc9111.go); the Store holds a bounded number of
// bytes and forgets what was used longest ago. It sends no request. Open
// rfc9111.go first, then store.go.
package cache
