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
	"nagi.dev/plane/proxy"
)

const proxyUsage = `nagi-plane proxy runs a document: what listens, where requests go, under which policies.

  --config FILE      the document, JSON; read again when it changes and on SIGHUP
  --follow URL       the document, as a stream of the platform; $NAGI_PLATFORM_CA is who signed its certificate
  --token FILE       shown to the platform; read again at every connection
  --keep FILE        where the last good document of the stream is kept, and run from without the platform
  --admin ADDRESS    the local endpoint: /healthz /readyz /metrics /config /stats; none: "off" (default 127.0.0.1:15900)
  --check            say whether the document is right, and end
  --drain DURATION   how long connections may go on after SIGTERM (default 10s)

A document that is not right leaves the one before in place.
`

// A source is where the document comes from.
type source struct {
	path  string
	parse func([]byte) (*config.Config, error)
}

func (s source) read() (*config.Config, error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, err := s.parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return c, nil
}

func proxyCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := proxy.Options{Codecs: codecs, Log: slog.New(slog.NewTextHandler(stderr, nil))}
	s := source{parse: config.Parse}
	f := newFlags("proxy")
	f.StringVar(&s.path, "config", "", "")
	stream := followFlags(f)
	f.StringVar(&o.Admin, "admin", "127.0.0.1:15900", "")
	f.DurationVar(&o.Drain, "drain", 0, "")
	check := f.Bool("check", false, "")
	rest, code, done := f.parse(args, proxyUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) > 0 || (s.path == "") == (stream.URL == "") {
		fmt.Fprintf(stderr, "nagi-plane: proxy: name the document with --config or --follow\n\n%s", proxyUsage)
		return exitUsage
	}
	if o.Admin == "off" {
		o.Admin = ""
	}
	if stream.URL != "" {
		return followCommand(ctx, o, *stream, stderr)
	}
	c, err := s.read()
	if err != nil || *check {
		return report(stderr, err)
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
		go watchFile(ctx, o.Log, p, s)
	}
	return errors.Join(err, <-ended)
}

// watchFile applies the document again when it changes. It looks rather than
// being told: files of a ConfigMap change by a link two folders up.
func watchFile(ctx context.Context, log *slog.Logger, p *proxy.Proxy, s source) {
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
		c, err := s.read()
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
