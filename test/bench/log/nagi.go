package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"nagi.dev/bus"
	"nagi.dev/bus/pebble"
	"nagi.dev/bus/wire"
)

// nagi is our log, in a process of its own.
type nagi struct {
	addr  string
	queue int
}

func (*nagi) name() string { return "nagi" }

func (n *nagi) start(ctx context.Context, dir string) (func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if n.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	return run(ctx, dir, n.addr, nil, self, "serve", n.addr, dir+"/log")
}

// serve is what the process does.
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

func (n *nagi) fresh() error { n.queue++; return nil }

func (n *nagi) dial() (session, error) {
	s := &nagiSession{c: wire.NewClient(n.addr), queue: fmt.Sprint("q", n.queue)}
	return s, s.c.Configure(context.Background(), s.queue, bus.Config{})
}

type nagiSession struct {
	c     *wire.Client
	queue string
}

func (s *nagiSession) close() { _ = s.c.Close() }

func (s *nagiSession) put() error {
	_, err := s.c.Append(context.Background(), s.queue, []bus.Entry{{Body: body}})
	return err
}

// stream sends batches of a quarter of the window.
func (s *nagiSession) stream(window int, more func() bool, acked func(int, time.Time)) error {
	ctx := context.Background()
	entries := make([]bus.Entry, window/4)
	for i := range entries {
		entries[i].Body = body
	}
	type sent struct {
		p  *wire.Pending
		at time.Time
	}
	var out []sent
	for m := true; m || len(out) > 0; m = m && more() {
		if m {
			p, err := s.c.AppendSoon(ctx, s.queue, entries)
			if err != nil {
				return err
			}
			out = append(out, sent{p, time.Now()})
		}
		if len(out) == 4 || !m {
			if _, err := out[0].p.Numbers(ctx); err != nil {
				return err
			}
			acked(len(entries), out[0].at)
			out = out[1:]
		}
	}
	return nil
}

func (s *nagiSession) take(most int) (int, error) {
	ctx := context.Background()
	items, err := s.c.Lease(ctx, s.queue, bus.Want{Most: most, Wait: 100 * time.Millisecond})
	if err != nil || len(items) == 0 {
		return 0, err
	}
	verdicts := make([]bus.Verdict, len(items))
	for i, it := range items {
		verdicts[i] = bus.Verdict{Number: it.Number, Token: it.Token, Act: bus.Done}
	}
	errs, err := s.c.Settle(ctx, s.queue, verdicts)
	return len(items), errors.Join(append(errs, err)...)
}
