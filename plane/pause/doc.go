// Package pause holds the namespaces of a pod: it sleeps, reaps the orphans
// that become its children, and ends when asked to. It never opens a file or
// a socket, and it allocates nothing after its start. Open pause.go first.
package pause
