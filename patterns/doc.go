// Package patterns lists the kinds that are patterns of distributed systems
// and joins their rooms into one part of the platform: controllers, and the
// door at which pods and the API server ask. It decides nothing of a kind.
// Open patterns.go first.
package patterns
