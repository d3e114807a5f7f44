// Package receive takes changed files into a container while its project is
// watched: as a tar stream, because most images have no tar of their own, and
// before the container starts, through a gate. It never reaches beyond the
// container it runs in. Open receive.go first, then gate.go.
package receive
