// Command nagi-plane is the small program that rides in pods: pause, wait, probe and
// more. Under another name it stands before runc.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"nagi.dev/internal/version"
	"nagi.dev/plane"
	"nagi.dev/plane/oci"
)

func main() {
	if filepath.Base(os.Args[0]) == oci.Program {
		fmt.Fprintln(os.Stderr, oci.Main(os.Args)) // it returns only an error
		os.Exit(1)
	}
	os.Exit(plane.Run(context.Background(), version.Version, os.Args[1:], os.Stdout, os.Stderr))
}
