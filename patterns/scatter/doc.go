// Package scatter keeps ScatterGathers: the router that asks all leaves at
// once and merges their answers, and its document. It merges nothing itself.
// Open decide.go first, then objects.go.
package scatter
