// Command images makes the container images that the examples and the tests use, from
// Debian packages and our own Go programs:
//
//	go run ./test/images -out build/images [NAME...]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"nagi.dev/internal/assemble"
	"nagi.dev/internal/recipes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := assemble.Options{Log: os.Stdout}
	flag.StringVar(&o.Out, "out", "build/images", "folder for the archives, one an image")
	flag.StringVar(&o.Cache, "cache", "", "folder for packages; by default inside of -out")
	flag.StringVar(&o.Project, "project", ".", "top of the project")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "images [-out FOLDER] [NAME...]\n\nnames: %s\n", strings.Join(names(), " "))
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(ctx, o, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "images: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o assemble.Options, wanted []string) error {
	for _, w := range wanted {
		if !slices.Contains(names(), w) {
			return fmt.Errorf("no image %q; there are %s", w, strings.Join(names(), ", "))
		}
	}
	var chosen []assemble.Recipe
	for _, r := range recipes.All() {
		if len(wanted) == 0 || slices.Contains(wanted, r.Name) {
			chosen = append(chosen, r)
		}
	}
	return assemble.Build(ctx, o, chosen...)
}

func names() []string {
	var all []string
	for _, r := range recipes.All() {
		all = append(all, r.Name)
	}
	return all
}
