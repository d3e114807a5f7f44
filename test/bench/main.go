package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nagi.dev/test/lab"
)

func main() {
	lab.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var b bench
	out := flag.String("out", "bench/latest.json", "file for the rows")
	flag.StringVar(&b.binary, "nagi", "bin/nagi", "the program to measure")
	flag.StringVar(&b.images, "images", "build/images", "folder with the archive of busybox")
	flag.IntVar(&b.runs, "runs", 5, "how many first starts; the median counts")
	flag.DurationVar(&b.idle, "idle", 2*time.Minute, "how long the server rests before it is weighed")
	flag.DurationVar(&b.window, "window", 30*time.Second, "how long its processor time is watched")
	flag.IntVar(&b.pods, "pods", 100, "how many pods at once")
	flag.IntVar(&b.restarts, "restarts", 3, "how many restarts; the median counts")
	only := flag.String("only", "", "measure only these, with commas between: idle, three, restart, pods (the first starts are always)")
	flag.Parse()
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	rows, err := b.run(ctx)
	print(os.Stdout, rows)
	if werr := write(*out, rows); err == nil {
		err = werr
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run measures all figures; what was measured before an error counts.
func (b bench) run(ctx context.Context) (rows []row, err error) {
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return nil, err
	}
	if b.images, err = filepath.Abs(b.images); err != nil {
		return nil, err
	}
	l, err := lab.Open()
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := l.Close(); err == nil {
			err = cerr
		}
	}()
	starts, s, err := b.firstStarts(ctx, l)
	if err != nil {
		return nil, err
	}
	rows = append(rows, firstStart.row(median(starts)))
	for _, m := range []struct {
		name string
		take func(context.Context, *server) ([]row, error)
	}{{"idle", b.weigh}, {"three", b.replicas}, {"restart", b.restart}, {"pods", b.crowd}} {
		if len(b.only) > 0 && !slices.Contains(b.only, m.name) {
			continue
		}
		more, err := m.take(ctx, s)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}
