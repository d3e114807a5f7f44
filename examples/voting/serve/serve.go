// Package serve runs an HTTP server until it is asked to end and lets requests
// that are under way finish. Open Run first.
package serve

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"
)

// Run serves on port 8080 and answers /healthz. It returns once SIGTERM or
// SIGINT came and the last request is answered.
func Run(pages *http.ServeMux) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	pages.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	s := &http.Server{Addr: ":8080", Handler: pages, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- s.ListenAndServe() }()
	log.Printf("listening on %s", s.Addr)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Print("ending")
	grace, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	if err := s.Shutdown(grace); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
