package netpol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/knftables"

	"nagi.dev/internal/layout"
)

// Socket is where nagi-wall asks the Enforcer of the server with these
// folders.
func Socket(d layout.Dirs) string { return filepath.Join(d.Run, "walls.sock") }

// Options configures an Enforcer. Client and Pods are required.
type Options struct {
	Client   kubernetes.Interface
	Pods     netip.Prefix        // of all pods of the cluster, IPv4
	Open     []Door              // of this machine, for every pod: DNS, the API
	Socket   string              // where the CNI plugin nagi-wall asks; "": nowhere
	Firewall knftables.Interface // nil: the kernel's
	Log      *slog.Logger        // nil: slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.Client == nil {
		errs = append(errs, errors.New("Client is required"))
	}
	if !o.Pods.IsValid() || !o.Pods.Addr().Is4() {
		errs = append(errs, errors.New("Pods is required, a range of IPv4"))
	}
	return errors.Join(errs...)
}

// An Enforcer keeps the walls of one machine. It is a run.Part.
type Enforcer struct {
	o Options
	r *running
}

// running is what exists between Start and Stop.
type running struct {
	cancel   context.CancelFunc
	done     sync.WaitGroup
	table    *table
	policies informers.SharedInformerFactory
	world    informers.SharedInformerFactory // pods and namespaces; nil until the first policy
	synced   []cache.InformerSynced          // of policies, and of the world once it is there
	changed  chan struct{}                   // holds one
	first    chan struct{}                   // closed after the first pass without a fault
	once     sync.Once                       // closes first
	gate     *gate                           // nil without a socket
}

// New returns an enforcer that does not run yet.
func New(o Options) (*Enforcer, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("configure netpol: %w", err)
	}
	return &Enforcer{o: o}, nil
}

// Name returns "netpol".
func (*Enforcer) Name() string { return "netpol" }

// Start keeps the walls in the background.
func (e *Enforcer) Start(context.Context) error {
	if e.r != nil {
		return errors.New("netpol runs already")
	}
	nft := e.o.Firewall
	if nft == nil {
		var err error
		if nft, err = knftables.New(knftables.IPv4Family, Table); err != nil {
			return fmt.Errorf("use nftables: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{
		cancel:   cancel,
		table:    &table{nft: nft, pods: e.o.Pods, open: e.o.Open},
		policies: informers.NewSharedInformerFactoryWithOptions(e.o.Client, 0, informers.WithTransform(slim)),
		changed:  make(chan struct{}, 1),
		first:    make(chan struct{}),
	}
	e.r = r
	if err := e.listen(ctx, r); err != nil {
		return errors.Join(err, e.Stop(ctx))
	}
	if err := r.watch(r.policies.Networking().V1().NetworkPolicies().Informer()); err != nil {
		return errors.Join(err, e.Stop(ctx))
	}
	r.policies.Start(ctx.Done())
	r.done.Go(func() { e.work(ctx, r) })
	return nil
}

func (e *Enforcer) listen(ctx context.Context, r *running) (err error) {
	r.gate = &gate{wake: r.wake}
	if e.o.Socket != "" {
		r.gate.memory.file = e.o.Socket + ".json"
	}
	if r.gate.known, err = r.gate.memory.read(); err != nil {
		e.o.Log.Warn("pods that came a moment ago have no walls until the API tells of them", "err", err)
	}
	if e.o.Socket == "" {
		return nil
	}
	return r.gate.open(ctx, e.o.Socket, &r.done)
}

// Ready blocks until the walls of the start stand.
func (e *Enforcer) Ready(ctx context.Context) error {
	select {
	case <-e.r.first:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for network policies: %w", context.Cause(ctx))
	}
}

// Stop watches no more. The walls stay: pods outlive this process.
func (e *Enforcer) Stop(ctx context.Context) error {
	r := e.r
	if r == nil {
		return nil
	}
	e.r = nil
	r.cancel()
	stopped := make(chan struct{})
	go func() {
		r.done.Wait()
		r.policies.Shutdown()
		if r.world != nil {
			r.world.Shutdown()
		}
		close(stopped)
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wake asks for a pass.
func (r *running) wake() {
	select {
	case r.changed <- struct{}{}:
	default: // it will look anyway
	}
}

// watch wakes the worker on any change.
func (r *running) watch(all ...cache.SharedIndexInformer) error {
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { r.wake() },
		UpdateFunc: func(any, any) { r.wake() },
		DeleteFunc: func(any) { r.wake() },
	}
	for _, i := range all {
		h, err := i.AddEventHandler(handler)
		if err != nil {
			return fmt.Errorf("watch network policies: %w", err)
		}
		r.synced = append(r.synced, h.HasSynced)
	}
	return nil
}
