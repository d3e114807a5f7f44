package kube

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// A Controller keeps one kind as it was asked. It says what it watches; New
// makes the loop.
type Controller struct {
	Name    string // lower case, as in logs: "stack"
	For     Object // the kind it keeps
	Watches []Watch

	// Owner names the object whose turn it is when a watched object changes.
	Owner func(watched Object) (owner types.NamespacedName, ok bool)

	// Owners names several such objects; it is asked when Owner is nil. What it
	// reads of c is in memory.
	Owners func(ctx context.Context, c *Client, watched Object) []types.NamespacedName

	New     func(*Client, Recorder) Reconcile
	Workers int // how many objects at once; 0 means 4
}

// A Watch is one kind that a Controller keeps in memory and is woken by.
type Watch struct {
	Object   Object
	Label    string       // only objects that carry this label; "" means all
	Metadata bool         // names and labels only, not contents
	Trim     func(Object) // drops what nobody reads; nil drops managedFields
}

// Reconcile brings one object closer to what was asked and says when it wants
// to look again; 0 means on a change only. After an error it is called again,
// later each time.
type Reconcile func(ctx context.Context, key types.NamespacedName) (wake time.Duration, err error)

// A Recorder tells people what happened to an object, as an Event.
type Recorder func(about Object, warning bool, reason, message string)

// add makes c part of m.
func (c Controller) add(m manager.Manager, cl *Client) error {
	b := builder.ControllerManagedBy(m).Named(c.Name).For(c.For).WithOptions(c.options())
	for _, w := range c.Watches {
		var opts []builder.WatchesOption
		if w.Metadata {
			opts = append(opts, builder.OnlyMetadata)
		}
		b = b.Watches(w.Object, handler.EnqueueRequestsFromMapFunc(c.owners(cl)), opts...)
	}
	loop := c.New(cl, recorder(m, c.Name))
	return b.Complete(reconcile.Func(func(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
		wake, err := loop(ctx, r.NamespacedName)
		return reconcile.Result{RequeueAfter: wake}, err
	}))
}

func (c Controller) options() controller.Options {
	workers := c.Workers
	if workers == 0 {
		workers = 4
	}
	return controller.Options{
		MaxConcurrentReconciles: workers,
		SkipNameValidation:      new(true), // tests run the same controller twice
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 30*time.Second),
	}
}

func (c Controller) owners(cl *Client) handler.MapFunc {
	return func(ctx context.Context, o client.Object) (all []reconcile.Request) {
		if c.Owner == nil {
			for _, key := range c.Owners(ctx, cl, o) {
				all = append(all, reconcile.Request{NamespacedName: key})
			}
		} else if key, ok := c.Owner(o); ok {
			all = append(all, reconcile.Request{NamespacedName: key})
		}
		return all
	}
}

// recorder returns a Recorder that signs with name.
func recorder(m manager.Manager, name string) Recorder {
	r := m.GetEventRecorder("nagi-" + name)
	return func(about Object, warning bool, reason, message string) {
		kind := "Normal"
		if warning {
			kind = "Warning"
		}
		r.Eventf(about.(runtime.Object), nil, kind, reason, reason, "%s", message)
	}
}
