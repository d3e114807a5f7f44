package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"nagi.dev/bus/pebble"
	"nagi.dev/bus/wire"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		exit(serve(os.Args[2], os.Args[3]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var t trial
	flag.DurationVar(&t.span, "for", time.Minute, "how long the server is killed again and again")
	flag.Uint64Var(&t.seed, "seed", 1, "decides when")
	flag.StringVar(&t.dir, "dir", "", "where the log is kept; a new folder when empty, removed afterwards")
	flag.IntVar(&t.producers, "producers", 8, "how many append")
	flag.IntVar(&t.workers, "workers", 8, "how many lease")
	flag.Parse()
	exit(t.run(ctx, os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "buscheck: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve is the process that is killed.
func serve(addr, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := pebble.Open(pebble.Options{Dir: dir})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return errors.Join(wire.Serve(ctx, ln, l, wire.Options{}), l.Close())
}
