package plane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/nutcracker"
	"nagi.dev/plane/proxy"
)

const proxyUsage = `nagi-plane proxy runs a document: what listens, where requests go, under which policies.

  --config FILE      the document, JSON; read again when it changes and on SIGHUP
  --nutcracker FILE  in its place twemproxy's nutcracker.yml, as it is; what differs is said
  --admin ADDRESS    the local endpoint: /healthz /readyz /metrics /config /stats; none: "off" (default 127.0.0.1:15900)
  --check            say whether the document is right, and what differs from twemproxy, and end
  --drain DURATION   how long connections may go on after SIGTERM (default 10s)

A document that is not right leaves the one before in place.
`

// A source is where the document comes from.
type source struct {
	path string
	nut  bool // it is a nutcracker.yml
}

// read returns the document, and what it does otherwise than its file asks.
func (s source) read() (c *config.Config, differs []string, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	if s.nut {
		c, differs, err = nutcracker.Parse(b)
	} else {
		c, err = config.Parse(b)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return c, differs, nil
}

func proxyCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := proxy.Options{Codecs: codecs, Log: slog.New(slog.NewTextHandler(stderr, nil))}
	var s source
	f := newFlags("proxy")
	f.StringVar(&s.path, "config", "", "")
	nut := f.String("nutcracker", "", "")
	f.StringVar(&o.Admin, "admin", "127.0.0.1:15900", "")
	f.DurationVar(&o.Drain, "drain", 0, "")
	check := f.Bool("check", false, "")
	rest, code, done := f.parse(args, proxyUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) > 0 || (s.path == "") == (*nut == "") {
		fmt.Fprintf(stderr, "nagi-plane: proxy: name the document with --config or --nutcracker\n\n%s", proxyUsage)
		return exitUsage
	}
	if *nut != "" {
		s = source{path: *nut, nut: true}
	}
	if o.Admin == "off" {
		o.Admin = ""
	}
	c, differs, err := s.read()
	if err != nil || *check {
		for _, d := range differs {
			fmt.Fprintln(stdout, d)
		}
		return report(stderr, err)
	}
	for _, d := range differs {
		o.Log.Warn("differs from twemproxy", "what", d)
	}
	return report(stderr, runProxy(ctx, o, s, c))
}

// runProxy runs until a signal asks for the end.
func runProxy(ctx context.Context, o proxy.Options, s source, first *config.Config) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	p, err := proxy.New(o)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	go func() { ended <- p.Run(ctx) }()
	err = p.Apply(first)
	if err != nil {
		abandon()
	} else {
		go follow(ctx, o.Log, p, s)
	}
	return errors.Join(err, <-ended)
}

// follow applies the document again when it changes. It looks rather than
// being told: files of a ConfigMap change by a link two folders up.
func follow(ctx context.Context, log *slog.Logger, p *proxy.Proxy, s source) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	last := stamp(s.path)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
			if stamp(s.path) == last {
				continue
			}
		}
		last = stamp(s.path)
		c, _, err := s.read()
		if err == nil {
			err = p.Apply(c)
		}
		if err != nil {
			log.Error("configuration refused; the one before goes on", "cause", err)
		}
	}
}

// stamp changes when the file does.
func stamp(path string) string {
	i, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(i.ModTime(), i.Size())
}
