package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"k8s.io/client-go/kubernetes"
)

// Options configures a Server. Listen and Kubeconfig are required.
type Options struct {
	Listen     []netip.AddrPort     // UDP and TCP; all with one port
	Kubeconfig string               // a file; certificates it names may be renewed on disk
	Domain     string               // of the cluster; "": cluster.local
	Client     kubernetes.Interface // keeps Service kube-system/kube-dns; nil: nobody does
	ServiceIP  netip.Addr           // of that Service; zero: 10.43.0.10
	Upstream   []netip.AddrPort     // asked for all other names; nil: those of ResolvConf
	ResolvConf string               // followed while running; "": /etc/resolv.conf
	Log        *slog.Logger         // nil: slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Domain == "" {
		o.Domain = "cluster.local"
	}
	if !o.ServiceIP.IsValid() {
		o.ServiceIP = netip.AddrFrom4([4]byte{10, 43, 0, 10})
	}
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.Kubeconfig == "" {
		errs = append(errs, errors.New("Kubeconfig is required"))
	}
	if len(o.Listen) == 0 {
		errs = append(errs, errors.New("Listen is required"))
	}
	for _, a := range o.Listen {
		if !a.IsValid() || a.Port() != o.Listen[0].Port() {
			errs = append(errs, fmt.Errorf("Listen %s: every address needs port %d", a, o.Listen[0].Port()))
		}
	}
	return errors.Join(errs...)
}

// A Server is the cluster's DNS. It is a run.Part.
type Server struct {
	o      Options
	cancel context.CancelFunc
	done   sync.WaitGroup
	kept   chan struct{} // closed once the Service stands

	mu       sync.Mutex // guards instance
	instance *caddy.Instance
}

// New returns a server that does not run yet.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("configure dns: %w", err)
	}
	return &Server{o: o}, nil
}

// Name returns "dns".
func (s *Server) Name() string { return "dns" }

// Start listens and answers. It waits up to 5 s for the API server's list of
// services and then goes on without it.
func (s *Server) Start(context.Context) error {
	if s.cancel != nil {
		return errors.New("dns runs already")
	}
	resolvers := s.resolvers()
	instance, err := caddy.Start(s.corefile(resolvers))
	if err != nil {
		return errors.Join(fmt.Errorf("serve %v: %w", s.o.Listen, err), errors.Join(instance.ShutdownCallbacks()...))
	}
	s.instance = instance
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.kept = make(chan struct{})
	s.done.Go(func() { s.follow(ctx, resolvers) })
	s.done.Go(func() { s.keepService(ctx) })
	return nil
}

// Ready blocks until pods can reach the server by its Service.
func (s *Server) Ready(ctx context.Context) error {
	select {
	case <-s.kept:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for Service %s/%s: %w", serviceNamespace, serviceName, context.Cause(ctx))
	}
}

// Stop answers what was asked and closes the sockets. The Service stays.
func (s *Server) Stop(ctx context.Context) error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	s.cancel = nil
	stopped := make(chan error, 1)
	go func() {
		s.done.Wait()
		stopped <- s.shutdown()
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) shutdown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := s.instance.ShutdownCallbacks()
	errs = append(errs, s.instance.Stop())
	s.instance.Wait()
	return errors.Join(errs...)
}

// follow replaces the server when the machine's resolvers change: a laptop
// that moves, a lease that is renewed.
func (s *Server) follow(ctx context.Context, old []netip.AddrPort) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.resolvers()
		if slices.Equal(old, now) {
			continue
		}
		if err := s.replace(now); err != nil {
			s.o.Log.Warn("keep the former resolvers", "err", err)
			continue
		}
		s.o.Log.Info("resolvers changed", "resolvers", now)
		old = now
	}
}

func (s *Server) replace(resolvers []netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.instance.Restart(s.corefile(resolvers))
	if err != nil {
		return fmt.Errorf("replace resolvers by %v: %w", resolvers, err)
	}
	s.instance = next
	return nil
}

func (s *Server) corefile(resolvers []netip.AddrPort) caddy.Input {
	return caddy.CaddyfileInput{
		Filepath:       "Corefile",
		Contents:       []byte(corefile(s.o, resolvers)),
		ServerTypeName: "dns",
	}
}
