package servicelb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	core "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	fieldOwner = "nagi-servicelb"
	retry      = 5 * time.Second       // after a fault, or while a port is taken
	gather     = 50 * time.Millisecond // changes that come together are one pass
)

// work makes a pass after every change, and again later where one is due.
func (b *Balancer) work(ctx context.Context, r *running) {
	if !cache.WaitForCacheSync(ctx.Done(), r.synced...) {
		return
	}
	again := time.NewTimer(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.changed:
			sleep(ctx, gather)
		case <-again.C:
		}
		wake, err := b.reconcile(ctx, r)
		if err != nil && ctx.Err() == nil {
			b.o.Log.Warn("answer services", "err", err)
			wake = retry
		}
		if err == nil {
			r.once.Do(func() { close(r.first) })
		}
		again.Stop()
		if wake > 0 {
			again.Reset(wake)
		}
	}
}

// reconcile makes one pass and returns when to look again; 0: on a change.
func (b *Balancer) reconcile(ctx context.Context, r *running) (time.Duration, error) {
	s, err := observe(r)
	if err != nil {
		return 0, err
	}
	p := Decide(b.spec, s)
	taken := r.doors.set(p.Routes)
	err = r.nat.apply(ctx, reachable(p.Routes, taken))
	report := Tell(b.spec, s, p, taken)
	r.tell(s, report.Faults)
	if err := errors.Join(err, b.writeStatus(ctx, report)); err != nil {
		return 0, err
	}
	if report.Retry {
		return retry, nil
	}
	return 0, nil
}

func observe(r *running) (State, error) {
	services, err := r.informers.Core().V1().Services().Lister().List(labels.Everything())
	if err != nil {
		return State{}, fmt.Errorf("list services: %w", err)
	}
	ends, err := r.informers.Discovery().V1().EndpointSlices().Lister().List(labels.Everything())
	if err != nil {
		return State{}, fmt.Errorf("list endpoint slices: %w", err)
	}
	return State{Services: services, Slices: ends}, nil
}

// tell makes an event of each fault that the last pass did not have.
func (r *running) tell(s State, faults map[types.NamespacedName][]string) {
	for _, svc := range s.Services {
		for _, f := range faults[nameOf(svc)] {
			if !slices.Contains(r.told[nameOf(svc)], f) {
				r.events.Event(svc, corev1.EventTypeWarning, "NotAnswered", f)
			}
		}
	}
	r.told = faults
}

func (b *Balancer) writeStatus(ctx context.Context, report Report) error {
	var errs []error
	force := metav1.ApplyOptions{FieldManager: fieldOwner, Force: true}
	for name, addrs := range report.Ingress {
		status := core.Service(name.Name, name.Namespace).WithStatus(core.ServiceStatus().WithLoadBalancer(ingress(addrs)))
		_, err := b.o.Client.CoreV1().Services(name.Namespace).ApplyStatus(ctx, status, force)
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("write status of service %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// ingress marks the addresses as a proxy's, so that kube-proxy leaves them
// alone.
func ingress(addrs []netip.Addr) *core.LoadBalancerStatusApplyConfiguration {
	out := core.LoadBalancerStatus()
	for _, a := range addrs {
		out.WithIngress(core.LoadBalancerIngress().WithIP(a.String()).WithIPMode(corev1.LoadBalancerIPModeProxy))
	}
	return out
}
