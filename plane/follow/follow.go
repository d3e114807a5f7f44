package follow

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nagi.dev/plane/config"
)

// Options say where the stream is. URL, Token and Keep are required.
type Options struct {
	URL   string       // of the document
	Token string       // file of the token, read at every connection: the kubelet renews it
	CA    []byte       // of the platform's certificate, PEM; none: the system's authorities
	Keep  string       // file of the last good document
	Log   *slog.Logger // nil: none

	Silence time.Duration // after which a stream is taken for dead; 0: 45s, three heartbeats
	Pause   time.Duration // before the first new attempt; 0: 250ms. It doubles up to 60 times that
}

// Validate returns every fault of o.
func (o Options) Validate() error {
	var errs []error
	if !strings.HasPrefix(o.URL, "https://") && !strings.HasPrefix(o.URL, "http://127.0.0.1:") {
		errs = append(errs, fmt.Errorf("--follow %q: a token goes only to https", o.URL))
	}
	if o.Token == "" {
		errs = append(errs, errors.New("name the file of the token with --token"))
	}
	if o.Keep == "" {
		errs = append(errs, errors.New("name the file to keep the document in with --keep"))
	}
	if len(o.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(o.CA) {
		errs = append(errs, errors.New("the platform's authority is no certificate in PEM"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Silence == 0 {
		o.Silence = 45 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = 250 * time.Millisecond
	}
	return o
}

// Run hands documents to apply until ctx ends: first the one that is kept,
// then each that the stream brings. One that apply refuses is not kept.
func Run(ctx context.Context, o Options, apply func(*config.Config) error) error {
	if err := o.Validate(); err != nil {
		return err
	}
	f := &follower{o: o.withDefaults(), apply: apply}
	f.client = f.newClient()
	f.resume()
	pause := f.o.Pause
	for ctx.Err() == nil {
		began := time.Now()
		err := f.stream(ctx)
		if time.Since(began) > f.o.Silence { // it was a good one
			pause, f.told = f.o.Pause, false
		}
		if err != nil && ctx.Err() == nil && !f.told {
			f.told = true // once, until it is there again
			f.o.Log.Warn("the platform is away; what runs goes on", "cause", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, 60*f.o.Pause)
	}
	return nil
}

type follower struct {
	o      Options
	apply  func(*config.Config) error
	client *http.Client
	last   []byte // the line that runs
	told   bool
}

func (f *follower) newClient() *http.Client {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(f.o.CA) > 0 {
		t.RootCAs = x509.NewCertPool()
		t.RootCAs.AppendCertsFromPEM(f.o.CA)
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: t, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 15 * time.Second, DisableKeepAlives: true,
	}}
}

// resume runs the document that was kept.
func (f *follower) resume() {
	b, err := os.ReadFile(f.o.Keep)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err == nil {
		err = f.run(b)
	}
	if err != nil {
		f.o.Log.Warn("the document that was kept is not run", "cause", err)
		return
	}
	f.o.Log.Info("running the document that was kept", "file", f.o.Keep)
}

// stream reads until the connection ends or is silent.
func (f *follower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	token, err := os.ReadFile(f.o.Token)
	if err != nil {
		return fmt.Errorf("read token: %w", err)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, f.o.URL, nil)
	if err != nil {
		return fmt.Errorf("ask for the document: %w", err)
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	a, err := f.client.Do(q)
	if err != nil {
		return fmt.Errorf("ask for the document: %w", err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for the document: the platform answers %s", a.Status)
	}
	silent := time.AfterFunc(f.o.Silence, cancel)
	defer silent.Stop()
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(make([]byte, 0, 4<<10), config.MaxSize+1)
	for lines.Scan() {
		silent.Reset(f.o.Silence)
		if f.told {
			f.told = false
			f.o.Log.Info("the platform is there again")
		}
		f.line(lines.Bytes())
	}
	return lines.Err()
}

// line runs and keeps one document; what is no document is a heartbeat.
func (f *follower) line(b []byte) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] == '#' || bytes.Equal(b, f.last) {
		return
	}
	if err := f.run(b); err != nil {
		f.o.Log.Error("a document is refused; the one before goes on", "cause", err)
		return
	}
	if err := keep(f.o.Keep, b); err != nil {
		f.o.Log.Error("keep document", "cause", err)
	}
}

func (f *follower) run(b []byte) error {
	b = bytes.Clone(bytes.TrimSpace(b))
	c, err := config.Parse(b)
	if err != nil {
		return err
	}
	if err := f.apply(c); err != nil {
		return err
	}
	f.last = b
	return nil
}

// keep replaces file in one step.
func keep(file string, b []byte) error {
	tmp := filepath.Join(filepath.Dir(file), ".new-"+filepath.Base(file))
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
