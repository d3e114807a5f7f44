// Package redis is the codec of RESP2 and RESP3: it shards what clients ask
// over a pool, on connections that all clients share, and puts replies back in
// order. Requests of several keys are split and merged; transactions, blocking
// commands and subscriptions get a connection of their own. It never tries a
// request twice and never answers from memory. Open service.go first, then
// client.go for the way of a request and backend.go for that of a reply.
package redis
