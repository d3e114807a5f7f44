package netpol

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

const (
	retry  = time.Second           // after a fault
	gather = 10 * time.Millisecond // changes that come together are one pass
	look   = 30 * time.Second      // for a table that somebody took away
)

// work makes a pass after every change, and looks now and then whether the
// walls still stand.
func (e *Enforcer) work(ctx context.Context, r *running) {
	if !cache.WaitForCacheSync(ctx.Done(), r.synced...) {
		return
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.changed:
			pause(ctx, gather)
		case <-again.C:
			if !r.table.present(ctx) {
				e.o.Log.Warn("somebody removed the nftables table, it is made again", "table", Table)
				r.table.stand = nil
			}
		}
		wait := look
		switch err := e.reconcile(ctx, r); {
		case err == nil:
			r.once.Do(func() { close(r.first) })
		case ctx.Err() == nil:
			e.o.Log.Warn("keep network policies", "err", err)
			wait = retry
		}
		again.Reset(wait)
	}
}

// reconcile makes one pass.
func (e *Enforcer) reconcile(ctx context.Context, r *running) error {
	s, err := e.observe(ctx, r)
	if err != nil {
		return err
	}
	if err := r.table.apply(ctx, Decide(s)); err != nil {
		return err
	}
	r.gate.release(s)
	return nil
}

// observe reads pods and namespaces only where there is a policy: without one
// nobody pays for them.
func (e *Enforcer) observe(ctx context.Context, r *running) (s State, err error) {
	s.Addresses = r.gate.addresses()
	if s.Policies, err = r.policies.Networking().V1().NetworkPolicies().Lister().List(labels.Everything()); err != nil {
		return s, fmt.Errorf("list network policies: %w", err)
	}
	if len(s.Policies) == 0 {
		return s, nil
	}
	if r.world == nil {
		if err := e.meet(ctx, r); err != nil {
			return s, err
		}
	}
	if s.Pods, err = r.world.Core().V1().Pods().Lister().List(labels.Everything()); err != nil {
		return s, fmt.Errorf("list pods: %w", err)
	}
	if s.Namespaces, err = r.world.Core().V1().Namespaces().Lister().List(labels.Everything()); err != nil {
		return s, fmt.Errorf("list namespaces: %w", err)
	}
	return s, nil
}

// meet begins to watch pods and namespaces.
func (e *Enforcer) meet(ctx context.Context, r *running) error {
	world := informers.NewSharedInformerFactoryWithOptions(e.o.Client, 0, informers.WithTransform(slim))
	if err := r.watch(world.Core().V1().Pods().Informer(), world.Core().V1().Namespaces().Informer()); err != nil {
		return err
	}
	r.world = world
	world.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), r.synced...) {
		return fmt.Errorf("list pods and namespaces: %w", context.Cause(ctx))
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
