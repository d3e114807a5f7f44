package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"nagi.dev/test/lab"
)

// Options says what to run and with what.
type options struct {
	nagi    string        // the program
	tests   string        // the upstream test program; built when it is missing
	images  string        // folder of archives
	out     string        // gets junit.xml and the log
	focus   string        // a regular expression of test names
	procs   int           // tests at once
	timeout time.Duration // of all tests
}

func main() {
	lab.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.nagi, "nagi", "bin/nagi", "the program to test")
	flag.StringVar(&o.tests, "tests", "build/conformance/bin/e2e.test", "the upstream test program; built when it is missing")
	flag.StringVar(&o.images, "images", "build/conformance", "folder with the archives of the tests' images")
	flag.StringVar(&o.out, "out", "build/conformance/results", "folder for junit.xml and the log")
	flag.StringVar(&o.focus, "focus", `\[Conformance\]`, "regular expression of the tests to run")
	flag.IntVar(&o.procs, "procs", 2, "how many tests at once")
	flag.DurationVar(&o.timeout, "timeout", 3*time.Hour, "bound of all tests together")
	images := flag.String("serve", "", "be a registry of the images in this folder, and nothing else")
	flag.Parse()
	if *images != "" {
		if err := serve(ctx, *images); err != nil {
			fmt.Fprintf(os.Stderr, "registry: %v\n", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "conformance: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	for _, p := range []*string{&o.nagi, &o.tests, &o.images, &o.out} {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return fmt.Errorf("make folder of results: %w", err)
	}
	if err := build(ctx, o); err != nil {
		return err
	}
	l, err := lab.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m, err := l.Add(ctx, "conformance", lab.Options{})
	if err != nil {
		return err
	}
	if err := start(ctx, o, m); err != nil {
		return err
	}
	ran := test(ctx, o, m) // fails when a test does: the report tells which
	r, err := readReport(filepath.Join(o.out, "junit.xml"))
	if err != nil {
		return errors.Join(ran, err)
	}
	r.print(os.Stdout)
	return nil
}
