// Command nagi is the whole program: the command line, the server and each of
// its child processes. This file is the seating plan; it decides nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"nagi.dev/cli"
	"nagi.dev/engine/containerd"
	"nagi.dev/engine/server"
	"nagi.dev/internal/layout"
)

func main() { os.Exit(run()) }

// run finds out which of the processes this is.
func run() int {
	switch name := filepath.Base(os.Args[0]); {
	case name == "containerd":
		return report(containerd.Main(os.Args))
	case name == "kubectl":
		return kubectl(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	case len(os.Args) == 5 && os.Args[1] == "child":
		return report(server.Child(os.Args[2], layout.For(os.Args[4]), platform))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Main(ctx, os.Args[1:], engine{}, os.Stdin, os.Stdout, os.Stderr)
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "nagi:", err)
		return 1
	}
	return 0
}
