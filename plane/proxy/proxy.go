package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
)

// Options configures a Proxy. Only Codecs is required.
type Options struct {
	Codecs map[config.Protocol]Codec
	Log    *slog.Logger  // nil: none
	Admin  string        // address of the local endpoint; none: there is none
	Drain  time.Duration // how long connections may go on after the end was asked for; 0: 10s
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Drain == 0 {
		o.Drain = 10 * time.Second
	}
	return o
}

// A Proxy runs one document after the other.
type Proxy struct {
	o    Options
	loop *loop.Loop

	ending sync.WaitGroup // connections that left the loop
	// On the loop only.
	running   *config.Config
	listeners map[string]*listener // by name
	since     time.Time            // when running came into force
	refused   error                // why the last document was not taken; nil: it was
	draining  bool
}

// New makes a Proxy without a document.
func New(o Options) (*Proxy, error) {
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	return &Proxy{o: o.withDefaults(), loop: l, listeners: map[string]*listener{}}, nil
}

// Run serves until ctx ends; then it takes no new connection and gives open
// ones time to end.
func (p *Proxy) Run(ctx context.Context) error {
	if p.o.Admin != "" {
		stop, err := p.serveAdmin()
		if err != nil {
			return fmt.Errorf("open local endpoint: %w", err)
		}
		defer stop()
	}
	release := context.AfterFunc(ctx, func() { p.loop.Post(p.drain) })
	defer release()
	err := p.loop.Run()
	p.ending.Wait()
	return err
}

func (p *Proxy) drain() {
	p.draining = true
	p.o.Log.Info("draining", "connections", p.loop.Conns(), "for", p.o.Drain)
	p.loop.Drain()
	p.loop.After(p.o.Drain, func() { p.loop.Stop() })
	for _, l := range p.listeners {
		if e, ok := l.service.(ender); ok {
			p.ending.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), p.o.Drain)
				defer cancel()
				e.End(ctx)
			})
		}
	}
}

// Addresses returns where each listener listens, by name. Any goroutine may
// call it while Run runs.
func (p *Proxy) Addresses() map[string]string {
	all := map[string]string{}
	p.loop.Do(func() {
		for name, l := range p.listeners {
			all[name] = l.socket.Address().String()
		}
	})
	return all
}
