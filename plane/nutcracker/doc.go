// Package nutcracker reads a nutcracker.yml, twemproxy's configuration, as it
// is: every key of its documentation, an unknown one is an error with its line.
// It makes a document of the plane of it and says where the plane differs. It
// opens no file and no socket. Open parse.go first, then convert.go.
package nutcracker
