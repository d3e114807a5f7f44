package patterns

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Serve answers at l over TLS until ctx ends. Certificate and key stand in one
// file, which is read again when it changes.
func Serve(ctx context.Context, l net.Listener, certFile string, h http.Handler, log *slog.Logger) error {
	c := &certificate{file: certFile}
	if _, err := c.get(nil); err != nil {
		return err
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 64 << 10,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get},
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // streams have no end to wait for
	defer stop()
	if err := srv.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the door: %w", err)
	}
	return nil
}

// A certificate follows its file.
type certificate struct {
	file string

	mu   sync.Mutex // guards the rest
	at   time.Time
	pair *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.file)
	if err == nil && c.pair != nil && info.ModTime().Equal(c.at) {
		return c.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.file, c.file)
	}
	switch {
	case err == nil:
		c.pair, c.at = &pair, info.ModTime()
	case c.pair == nil:
		return nil, fmt.Errorf("read certificate of the door: %w", err)
	}
	return c.pair, nil // the one before goes on while a new one cannot be read
}
