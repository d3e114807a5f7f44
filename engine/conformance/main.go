package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"

	"nagi.dev/internal/assemble"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := assemble.Options{Log: os.Stdout}
	flag.StringVar(&o.Out, "out", "build/conformance", "folder for the archives, one an image")
	flag.StringVar(&o.Cache, "cache", "", "folder for packages; by default inside of -out")
	flag.StringVar(&o.Project, "project", ".", "top of the project")
	flag.Parse()
	if err := run(ctx, o, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "conformance: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o assemble.Options, wanted []string) error {
	sources, err := kubernetes(ctx, o.Project)
	if err != nil {
		return err
	}
	all, err := images(sources)
	if err != nil {
		return err
	}
	if len(wanted) > 0 {
		all = slices.DeleteFunc(all, func(r assemble.Recipe) bool { return !slices.Contains(wanted, r.Name) })
	}
	if len(all) == 0 {
		return fmt.Errorf("none of %s is an image of the tests", strings.Join(wanted, ", "))
	}
	return assemble.Build(ctx, o, all...)
}

// kubernetes returns the folder of the sources that this program is built of.
func kubernetes(ctx context.Context, project string) (string, error) {
	c := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
	c.Dir = project
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("find the sources of Kubernetes: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
