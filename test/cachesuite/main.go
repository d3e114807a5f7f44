package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var s suite
	caches := flag.String("caches", "varnish,plane", "what to judge, in this order: varnish, plane, or the base URL of a cache in front of -origin")
	flag.StringVar(&s.dir, "dir", "build/cachesuite", "folder for the suite and its results")
	flag.StringVar(&s.plane, "plane", "bin/nagi-plane", "the data plane to judge")
	flag.StringVar(&s.only, "id", "", "run one test, and show what was sent and received")
	flag.BoolVar(&s.list, "list", false, "name each test that does not pass")
	flag.Parse()
	if err := s.run(ctx, strings.Split(*caches, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "cachesuite:", err)
		os.Exit(1)
	}
}

// run judges each cache in turn; none sees what another kept.
func (s *suite) run(ctx context.Context, caches []string) (err error) {
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if err := s.install(ctx); err != nil {
		return err
	}
	var all []verdict
	for _, c := range caches {
		v, err := s.judge(ctx, c)
		if err != nil {
			return fmt.Errorf("judge %s: %w", c, err)
		}
		all = append(all, v)
	}
	if s.only == "" {
		printTable(os.Stdout, all, s.list)
	}
	return nil
}

// judge starts an origin and the cache before it, and runs the suite.
func (s *suite) judge(ctx context.Context, cache string) (verdict, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	origin, err := s.origin(ctx)
	if err != nil {
		return verdict{}, fmt.Errorf("start origin: %w", err)
	}
	defer origin.end()
	at, err := s.start(ctx, cache, origin.address)
	if err != nil {
		return verdict{}, err
	}
	defer at.end()
	return s.ask(ctx, cache, at.address)
}
