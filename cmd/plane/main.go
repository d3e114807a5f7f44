// nagi-plane is the small program that rides in pods: pause, wait and probe.
package main

import (
	"context"
	"os"

	"nagi.dev/internal/version"
	"nagi.dev/plane"
)

func main() {
	os.Exit(plane.Run(context.Background(), version.Version, os.Args[1:], os.Stdout, os.Stderr))
}
