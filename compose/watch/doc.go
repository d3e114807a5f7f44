// Package watch runs develop.watch: it brings changed files of a project into
// its containers, starts them again, and says what has to be built anew. It
// never changes the project or its Stack, and no error ends it. Open decide.go
// first, then reconcile.go.
package watch
