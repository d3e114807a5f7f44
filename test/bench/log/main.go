package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		if err := serve(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var b bench
	var only string
	out := flag.String("out", "bench/latest.json", "file for the rows; rows of other benches in it stay")
	flag.StringVar(&b.dir, "dir", "/var/tmp", "on the disk that is measured")
	flag.StringVar(&only, "only", "", "systems to measure, separated by commas; all when empty")
	flag.DurationVar(&b.span, "s", 2*time.Second, "how long each figure is measured")
	flag.Parse()
	rows, err := b.run(ctx, strings.FieldsFunc(only, func(r rune) bool { return r == ',' }))
	compare(rows)
	print(os.Stdout, rows)
	if err = errors.Join(err, merge(*out, rows)); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// A system is a queue that can be measured.
type system interface {
	name() string
	start(ctx context.Context, dir string) (stop func(), err error) // errAbsent: it is not installed
	dial() (session, error)
}

var errAbsent = errors.New("not installed")

// run measures one system after the other; what was measured before an error
// counts.
func (b bench) run(ctx context.Context, only []string) (rows []row, err error) {
	for _, s := range []system{&nagi{}, &beanstalkd{}, &redis{}, &rabbit{}, &jetStream{}} {
		if len(only) > 0 && !slices.Contains(only, s.name()) {
			continue
		}
		more, err := b.measure(ctx, s)
		rows = append(rows, more...)
		if errors.Is(err, errAbsent) {
			fmt.Printf("%s: %v\n", s.name(), err)
			continue
		}
		if err != nil {
			return rows, fmt.Errorf("measure %s: %w", s.name(), err)
		}
	}
	return rows, nil
}
