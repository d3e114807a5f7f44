// Package conform holds the tests that every bus.Log passes, whatever keeps
// it and however it is reached. It never looks inside an engine. Open
// conform.go first.
package conform
