// Command cachesuite runs the public test suite of HTTP caches (npm:
// http-cache-tests) against the cache of a data plane and, beside it, Varnish,
// and prints how many of its tests each passes. The suite judges; nothing here
// knows a test by name. It starts what it needs on the loopback and ends it.
// Open main.go first.
package main
