package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// A bench is how thoroughly is measured, and where things stand.
type bench struct {
	rounds int
	plane  string // the program
	dir    string // for files of the programs that run
}

// suites are what can be measured.
var suites = map[string]func(context.Context, bench) ([]row, error){"redis": benchRedis}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := bench{}
	out := flag.String("out", "bench/latest.json", "file for the rows")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each runs; medians count")
	flag.StringVar(&b.plane, "plane", "", "the program to measure; none: it is built")
	flag.Parse()
	if err := run(ctx, b, *out, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run measures what is named; what was measured before an error counts.
func run(ctx context.Context, b bench, out string, names []string) (err error) {
	if len(names) == 0 {
		return fmt.Errorf("name what to measure: redis")
	}
	if b.dir, err = os.MkdirTemp("", "nagi-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	for _, name := range names {
		suite := suites[name]
		if suite == nil {
			return fmt.Errorf("nothing called %q can be measured", name)
		}
		rows, err := suite(ctx, b)
		print(os.Stdout, rows)
		if werr := write(out, rows); err == nil {
			err = werr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) build(ctx context.Context) error {
	if b.plane != "" {
		return nil
	}
	b.plane = filepath.Join(b.dir, "nagi-plane")
	c := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", b.plane, "./cmd/plane")
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build nagi-plane: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}
