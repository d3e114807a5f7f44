// Package cli is what a person types: it parses the words of the command line,
// asks the engine, the compose room and the cluster, and says calmly what came
// of it. It never runs a server itself, never calls os.Exit and prints only to
// the streams it is given. Open main.go first, then the cmd_ file of a command.
package cli
