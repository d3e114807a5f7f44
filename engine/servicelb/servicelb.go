package servicelb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/knftables"
)

// Options configures a Balancer. Client and Node are required.
type Options struct {
	Client    kubernetes.Interface
	Informers informers.SharedInformerFactory // nil: its own
	Node      string                          // name of this node
	Addresses []netip.Addr                    // nil: 127.0.0.1; 0.0.0.0 and :: are refused
	Pods      []netip.Prefix                  // of this node's bridge; nil: 10.42.0.0/16
	Firewall  knftables.Interface             // nil: the kernel's, used for addresses that are not loopback
	Log       *slog.Logger                    // nil: slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Addresses == nil {
		o.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	if o.Pods == nil {
		o.Pods = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 42, 0, 0}), 16)}
	}
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
	if o.Node == "" {
		errs = append(errs, errors.New("Node is required"))
	}
	for _, a := range o.Addresses {
		if !a.IsValid() || a.IsUnspecified() {
			errs = append(errs, fmt.Errorf("Addresses: %s is not one address of this machine", a))
		}
	}
	return errors.Join(errs...)
}

// A Balancer answers Services of type LoadBalancer. It is a run.Part.
type Balancer struct {
	o    Options
	spec Spec
	r    *running
}

// running is what exists between Start and Stop.
type running struct {
	cancel    context.CancelFunc
	done      sync.WaitGroup
	informers informers.SharedInformerFactory
	synced    []cache.InformerSynced
	forget    []func() error // take our handlers off the informers
	changed   chan struct{}  // holds one
	first     chan struct{}  // closed after the first pass without a fault
	once      sync.Once      // closes first
	events    record.EventRecorder
	doors     *doors
	nat       *nat
	told      map[types.NamespacedName][]string // faults already told
}

// New returns a load balancer that does not run yet.
func New(o Options) (*Balancer, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("configure servicelb: %w", err)
	}
	return &Balancer{o: o, spec: Spec{Node: o.Node, Addresses: o.Addresses}}, nil
}

// Name returns "servicelb".
func (b *Balancer) Name() string { return "servicelb" }

// Start answers Services in the background.
func (b *Balancer) Start(context.Context) error {
	if b.r != nil {
		return errors.New("servicelb runs already")
	}
	n, err := b.firewall()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.r = &running{
		cancel:    cancel,
		informers: b.o.Informers,
		changed:   make(chan struct{}, 1),
		first:     make(chan struct{}),
		doors:     newDoors(b.o.Log, usual),
		nat:       n,
	}
	if b.r.informers == nil {
		b.r.informers = informers.NewSharedInformerFactoryWithOptions(b.o.Client, 0, informers.WithTransform(slim))
	}
	b.record(ctx)
	if err := b.r.watch(); err != nil {
		return errors.Join(err, b.Stop(ctx))
	}
	b.r.informers.Start(ctx.Done())
	r := b.r
	r.done.Go(func() { b.work(ctx, r) })
	return nil
}

// firewall keeps rules in the kernel. A machine without nftables can do when
// every address is loopback: then nothing is kept.
func (b *Balancer) firewall() (*nat, error) {
	inside := !slices.ContainsFunc(b.o.Addresses, func(a netip.Addr) bool { return a.Is4() && !a.IsLoopback() })
	nft := b.o.Firewall
	if nft == nil {
		var err error
		if nft, err = knftables.New(knftables.IPv4Family, table); err != nil {
			if inside {
				return &nat{}, nil
			}
			return nil, fmt.Errorf("use nftables: %w", err)
		}
	}
	return &nat{nft: nft, pods: b.o.Pods, last: "unknown"}, nil
}

// Ready blocks until all Services of the start are answered.
func (b *Balancer) Ready(ctx context.Context) error {
	select {
	case <-b.r.first:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for services to be answered: %w", context.Cause(ctx))
	}
}

// Stop shuts the doors and ends relayed connections. Rules in the kernel stay
// with the pods they lead to; Clean removes them.
func (b *Balancer) Stop(ctx context.Context) error {
	r := b.r
	if r == nil {
		return nil
	}
	b.r = nil
	r.cancel()
	stopped := make(chan error, 1)
	go func() {
		r.done.Wait()
		r.doors.close()
		stopped <- r.detach(b.o.Informers == nil)
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// detach leaves informers that the caller shares running.
func (r *running) detach(own bool) error {
	var errs []error
	for _, forget := range r.forget {
		errs = append(errs, forget())
	}
	if own {
		r.informers.Shutdown()
	}
	return errors.Join(errs...)
}

func (b *Balancer) record(ctx context.Context) {
	bc := record.NewBroadcaster(record.WithContext(ctx))
	bc.StartRecordingToSink(&typed.EventSinkImpl{Interface: b.o.Client.CoreV1().Events("")})
	b.r.events = bc.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "nagi-servicelb", Host: b.o.Node})
	b.r.done.Go(func() { <-ctx.Done(); bc.Shutdown() })
}

// watch wakes the worker on any change of a Service or its endpoints.
func (r *running) watch() error {
	wake := func(any) {
		select {
		case r.changed <- struct{}{}:
		default: // it will look anyway
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: wake, UpdateFunc: func(_, o any) { wake(o) }, DeleteFunc: wake}
	for _, i := range []cache.SharedIndexInformer{
		r.informers.Core().V1().Services().Informer(),
		r.informers.Discovery().V1().EndpointSlices().Informer(),
	} {
		h, err := i.AddEventHandler(handler)
		if err != nil {
			return fmt.Errorf("watch services: %w", err)
		}
		r.synced = append(r.synced, h.HasSynced)
		r.forget = append(r.forget, func() error { return i.RemoveEventHandler(h) })
	}
	return nil
}

// slim drops from what informers keep the part nobody here reads.
func slim(obj any) (any, error) {
	if m, ok := obj.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	return obj, nil
}
