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

// Options say how to compare.
type options struct {
	nagi, kompose string // the programs
	out           string // folder of the results
	project       string // top of the project
	cache         string // of packages, shared with make images
	patience      time.Duration
	table         bool
}

func main() {
	lab.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.nagi, "nagi", "bin/nagi", "nagi")
	flag.StringVar(&o.kompose, "kompose", "kompose", "kompose; \"\": leave it out")
	flag.StringVar(&o.out, "out", "build/compare", "folder of the results, one file an application")
	flag.StringVar(&o.project, "project", ".", "top of the project")
	flag.StringVar(&o.cache, "cache", "build/images/.cache", "folder of Debian packages")
	flag.DurationVar(&o.patience, "patience", 90*time.Second, "how long each side has until all is ready")
	flag.BoolVar(&o.table, "table", false, "print the tables of all results and run nothing")
	flag.Parse()
	err := o.absolute()
	if err == nil && !o.table {
		err = o.run(ctx, flag.Args())
	}
	if err == nil {
		err = printTables(os.Stdout, o.out)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
		os.Exit(1)
	}
}

func (o *options) absolute() (err error) {
	for _, p := range []*string{&o.nagi, &o.out, &o.project, &o.cache} {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	return nil
}

// run compares on one application after another, each on a machine of its own.
func (o options) run(ctx context.Context, folders []string) error {
	if len(folders) == 0 {
		return errors.New("name the folders of the applications")
	}
	l, err := lab.Open()
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range folders {
		fmt.Printf("== %s\n", filepath.Base(dir))
		if err := o.compare(ctx, l, dir); err != nil {
			fmt.Printf("   %v\n", err)
			errs = append(errs, fmt.Errorf("%s: %w", filepath.Base(dir), err))
		}
	}
	return errors.Join(append(errs, l.Close())...)
}
