package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
)

// Options configures Volumes. Client, Dir and Node are required.
type Options struct {
	Client    kubernetes.Interface
	Informers informers.SharedInformerFactory // nil: its own
	Dir       string                          // holds the folders; created if missing
	Node      string                          // name of this node
	Retry     time.Duration                   // first pause after a fault, doubled up to 100 times it; 0: 1 s
	Log       *slog.Logger                    // nil: slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Retry == 0 {
		o.Retry = time.Second
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
	if !filepath.IsAbs(o.Dir) {
		errs = append(errs, fmt.Errorf("Dir %q is not an absolute path", o.Dir))
	}
	if o.Node == "" {
		errs = append(errs, errors.New("Node is required"))
	}
	return errors.Join(errs...)
}

// Volumes serves the claims of one node. It is a run.Part.
type Volumes struct {
	o       Options
	spec    Spec
	folders folders
	r       *running
}

// running is what exists between Start and Stop.
type running struct {
	cancel    context.CancelFunc
	done      sync.WaitGroup
	informers informers.SharedInformerFactory
	queue     workqueue.TypedRateLimitingInterface[key]
	events    record.EventRecorder
	synced    []cache.InformerSynced
	forget    []func() error // take our handlers off the informers
	classed   chan struct{}  // closed once the StorageClass stands
}

// A key names a claim, or a volume when its namespace is empty.
type key = cache.ObjectName

// New returns a provisioner that does not run yet.
func New(o Options) (*Volumes, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("configure storage: %w", err)
	}
	o.Dir = filepath.Clean(o.Dir)
	return &Volumes{o: o, spec: Spec{Node: o.Node, Dir: o.Dir}, folders: folders(o.Dir)}, nil
}

// Name returns "storage".
func (v *Volumes) Name() string { return "storage" }

// Start serves claims in the background.
func (v *Volumes) Start(context.Context) error {
	if v.r != nil {
		return errors.New("storage runs already")
	}
	ctx, cancel := context.WithCancel(context.Background())
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[key](v.o.Retry, 100*v.o.Retry)
	v.r = &running{
		cancel:    cancel,
		informers: v.o.Informers,
		queue:     workqueue.NewTypedRateLimitingQueue(limiter),
		classed:   make(chan struct{}),
	}
	if v.r.informers == nil {
		v.r.informers = informers.NewSharedInformerFactoryWithOptions(v.o.Client, 0, informers.WithTransform(slim))
	}
	v.record(ctx)
	if err := v.watch(); err != nil {
		return errors.Join(err, v.Stop(ctx))
	}
	v.r.informers.Start(ctx.Done())
	r := v.r
	r.done.Go(func() { v.keepClass(ctx, r) })
	for range 2 { // a claim waits for the API, not for the disk
		r.done.Go(func() { v.work(ctx, r) })
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

// Ready blocks until the StorageClass stands and claims are seen.
func (v *Volumes) Ready(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), v.r.synced...) {
		return fmt.Errorf("list claims and volumes: %w", context.Cause(ctx))
	}
	select {
	case <-v.r.classed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for StorageClass %s: %w", ClassName, context.Cause(ctx))
	}
}

// Stop finishes what is under way. Volumes, folders and the class stay.
func (v *Volumes) Stop(ctx context.Context) error {
	r := v.r
	if r == nil {
		return nil
	}
	v.r = nil
	r.cancel()
	r.queue.ShutDown()
	stopped := make(chan error, 1)
	go func() {
		r.done.Wait()
		stopped <- r.detach(v.o.Informers == nil)
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

func (v *Volumes) record(ctx context.Context) {
	b := record.NewBroadcaster(record.WithContext(ctx))
	b.StartRecordingToSink(&typed.EventSinkImpl{Interface: v.o.Client.CoreV1().Events("")})
	v.r.events = b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "nagi-storage", Host: v.o.Node})
	v.r.done.Go(func() { <-ctx.Done(); b.Shutdown() })
}

// watch puts every claim and volume that changes into the queue.
func (v *Volumes) watch() error {
	r, core := v.r, v.r.informers.Core().V1()
	for _, i := range []cache.SharedIndexInformer{
		core.PersistentVolumeClaims().Informer(),
		core.PersistentVolumes().Informer(),
		r.informers.Storage().V1().StorageClasses().Informer(),
	} {
		r.synced = append(r.synced, i.HasSynced)
	}
	enqueue := func(obj any) {
		if k, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			r.queue.Add(k)
		}
	}
	again := func(obj any) { // a claim whose volume was deleted too early gets another
		if pv, ok := obj.(*corev1.PersistentVolume); ok && pv.Spec.ClaimRef != nil {
			r.queue.Add(key{Namespace: pv.Spec.ClaimRef.Namespace, Name: pv.Spec.ClaimRef.Name})
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: enqueue, UpdateFunc: func(_, obj any) { enqueue(obj) }, DeleteFunc: again}
	for _, i := range []cache.SharedIndexInformer{core.PersistentVolumeClaims().Informer(), core.PersistentVolumes().Informer()} {
		h, err := i.AddEventHandler(handler)
		if err != nil {
			return fmt.Errorf("watch claims and volumes: %w", err)
		}
		r.forget = append(r.forget, func() error { return i.RemoveEventHandler(h) })
	}
	return nil
}
