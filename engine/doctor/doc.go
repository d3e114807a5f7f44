// Package doctor names what a machine lacks for a server, each thing in one
// line with its remedy. It never changes the machine: what it has to try, it
// tries in a network namespace that ends with the trial. Open decide.go first:
// it holds every check; observe.go only looks.
package doctor
