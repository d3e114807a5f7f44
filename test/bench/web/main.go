package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "reverse" {
		reverse(os.Args[2], os.Args[3])
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var b bench
	out := flag.String("out", "bench/latest.json", "file for the rows; those of other benches stay")
	flag.StringVar(&b.plane, "plane", "bin/nagi-plane", "the program to measure")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each proxy is measured; medians count")
	flag.IntVar(&b.seconds, "seconds", 3, "how long wrk runs each time")
	flag.StringVar(&b.only, "only", "", "comma-separated names of proxies; none: all")
	flag.IntVar(&b.idle, "idle", 5000, "idle connections that are weighed")
	flag.Parse()
	rows, err := b.run(ctx)
	show(os.Stdout, rows)
	if werr := merge(*out, rows); err == nil {
		err = werr
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}
