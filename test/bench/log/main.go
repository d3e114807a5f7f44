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
		do := serve
		if os.Getenv("BENCH_SERVE") == "jetstream" {
			do = serveJetStream
		}
		if err := do(os.Args[2], os.Args[3]); err != nil {
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
	flag.DurationVar(&b.span, "s", time.Second, "how long each figure is measured in a round")
	flag.IntVar(&b.rounds, "rounds", 3, "how often; the median counts")
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

// run starts all systems and measures them in turns, figure by figure: what
// else the machine does then falls on all of them alike. The median of the
// rounds counts.
func (b bench) run(ctx context.Context, only []string) (rows []row, err error) {
	var systems []system
	for _, s := range []system{&nagi{}, &beanstalkd{}, &redis{}, &rabbit{}, &jetStream{}} {
		if len(only) > 0 && !slices.Contains(only, s.name()) {
			continue
		}
		end, err := b.begin(ctx, s)
		if errors.Is(err, errAbsent) {
			fmt.Printf("%s: %v\n", s.name(), err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", s.name(), err)
		}
		defer end()
		systems = append(systems, s)
	}
	for _, f := range b.figures() {
		more, err := b.turns(ctx, systems, f)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	if len(only) > 0 && !slices.Contains(only, "nagi") {
		return rows, nil
	}
	more, err := b.restart(ctx)
	return append(rows, more...), err
}

func (b bench) turns(ctx context.Context, systems []system, f figure) (rows []row, err error) {
	all := map[string][]taken{}
	for range max(b.rounds, 1) {
		for _, s := range systems {
			t, err := b.take(ctx, s, f)
			if err != nil {
				return nil, err
			}
			all[s.name()] = append(all[s.name()], t)
		}
	}
	for _, s := range systems {
		m := median(all[s.name()])
		rows = append(rows, rowsOf(s.name(), f.name, m.rate, m.p99)...)
	}
	return rows, nil
}
