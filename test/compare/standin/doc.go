// Command standin is the one program in every stand-in image. It goes by the
// names of all programs that an application's file calls: the first process of
// a container tells how it is (package look) and answers on its ports; a
// health check's program looks whether it does. It never does any work of the
// application. Open main.go first, then serve.go.
package main
