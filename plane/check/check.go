package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"nagi.dev/plane/config"
)

// A Target is what is asked.
type Target struct {
	Spec      config.ActiveCheck
	Addresses []string
	TLS       func(address string) *tls.Config // nil: plain
}

// Start asks every address until stop is called, and reports each change; it
// also reports an address that is healthy at first sight. report may be called
// from any goroutine.
func Start(t Target, report func(address string, healthy bool)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	for _, a := range t.Addresses {
		go t.follow(ctx, a, report)
	}
	return cancel
}

func (t *Target) follow(ctx context.Context, address string, report func(string, bool)) {
	interval := t.Spec.Interval.Or(2 * time.Second)
	var s state
	first := true
	wait := time.Duration(rand.Int64N(int64(interval)/4 + 1)) // not all at once
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		err := t.once(ctx, address)
		if ctx.Err() != nil {
			return
		}
		if s.see(err == nil, &t.Spec) || first && err == nil {
			report(address, !s.sick)
		}
		first = false
		wait = interval
	}
}

func (t *Target) once(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, t.Spec.Timeout.Or(time.Second))
	defer cancel()
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	if t.TLS != nil {
		tc := tls.Client(c, t.TLS(address))
		if err := tc.HandshakeContext(ctx); err != nil {
			return err
		}
		c = tc
	}
	if t.Spec.Path == "" {
		return nil
	}
	return t.get(ctx, c, address)
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return d.DialContext(ctx, "unix", path)
	}
	return d.DialContext(ctx, "tcp", address)
}

// get asks on a connection of its own, so that a check sees what a new client
// would see.
func (t *Target) get(ctx context.Context, c net.Conn, address string) error {
	host := address
	if strings.HasPrefix(address, "unix:") {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+t.Spec.Path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "nagi-plane check")
	once := make(chan net.Conn, 1)
	once <- c
	tr := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			select {
			case c := <-once:
				return c, nil
			default:
				return nil, errors.New("the connection ended")
			}
		},
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return fmt.Errorf("answered %d", resp.StatusCode)
	}
	return nil
}
