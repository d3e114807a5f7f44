package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"nagi.dev/bus"
)

// Options sets a server up. Zero fields mean the documented default.
type Options struct {
	MaxConns int           // connections at a time; 0: 10,000
	MaxCalls int           // calls of one connection that wait or take long; 0: 1,000
	Slow     time.Duration // a client that does not take its answers this long is cut off; 0: 10 s
	Log      *slog.Logger  // 0: nothing
}

func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = 10_000
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 1_000
	}
	if o.Slow == 0 {
		o.Slow = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Serve answers clients of log on every connection of ln until ctx ends. It
// returns nil then, after the last connection has ended.
func Serve(ctx context.Context, ln net.Listener, log bus.Log, o Options) error {
	o = o.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = ln.Close() }) // Accept returns its error
	var conns sync.WaitGroup
	defer conns.Wait()
	seats := make(chan struct{}, o.MaxConns)
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			cancel()
			return fmt.Errorf("accept at %s: %w", ln.Addr(), err)
		}
		select {
		case seats <- struct{}{}:
		default:
			o.Log.Warn("connection refused: too many", "from", c.RemoteAddr(), "most", o.MaxConns)
			_ = c.Close() // it learns it by that
			continue
		}
		conns.Go(func() {
			defer func() { <-seats }()
			if err := serveConn(ctx, c, log, o); err != nil && !errors.Is(err, net.ErrClosed) {
				o.Log.Info("connection ended", "from", c.RemoteAddr(), "error", err)
			}
		})
	}
}
