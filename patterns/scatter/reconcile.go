package scatter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/kube"
	"nagi.dev/kube/inpod"
	"nagi.dev/kube/keep"
	"nagi.dev/plane/config"
)

// documents is where the planes get what they run.
type documents interface {
	Publish(namespace, name string, c *config.Config) (version string, err error)
	Forget(namespace, name string)
}

// Options of the controller. All are required.
type Options struct {
	Door      graft.Door
	Documents documents
	Domain    string // of the cluster: "cluster.local"
}

// Controller returns the loop that keeps ScatterGathers.
func Controller(o Options) kube.Controller {
	return kube.Controller{
		Name: "scatter", For: &v1alpha1.ScatterGather{}, Watches: append(inpod.WorldWatches(), inpod.Routers()),
		Owners: func(ctx context.Context, c *kube.Client, w kube.Object) (all []types.NamespacedName) {
			var list v1alpha1.ScatterGatherList
			if err := c.List(ctx, &list, kube.InNamespace(w.GetNamespace())); err != nil {
				return nil // the cache is not there yet; it wakes all when it is
			}
			for i := range list.Items {
				all = append(all, types.NamespacedName{Namespace: w.GetNamespace(), Name: list.Items[i].Name})
			}
			return all
		},
		New: func(c *kube.Client, _ kube.Recorder) kube.Reconcile {
			k := &keep.Keeper{Kube: c, Owner: v1alpha1.PatternOwner, Mark: v1alpha1.AppliedAnnotation}
			r := &reconciler{Options: o, kube: c, keep: k, now: time.Now}
			return r.reconcile
		},
	}
}

type reconciler struct {
	Options
	kube *kube.Client
	keep *keep.Keeper
	now  func() time.Time
}

// reconcile brings the objects of one ScatterGather closer to it.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	s, err := r.observe(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("observe scatter/gather %s: %w", key, err)
	}
	if s.Service == nil {
		r.Documents.Forget(key.Namespace, key.Name)
		return 0, nil
	}
	p := Decide(s)
	version, err := r.do(ctx, s, p)
	if errors.Is(err, keep.ErrTaken) {
		p.Verdict, err = stalled(v1alpha1.ReasonConflict, oneLine(err)), nil
	}
	if apierrors.IsInvalid(err) {
		p.Verdict, err = stalled(v1alpha1.ReasonRefused, oneLine(err)), nil
	}
	if err != nil {
		return 0, fmt.Errorf("apply plan to scatter/gather %s: %w", key, err)
	}
	if err := r.report(ctx, s, p, version); err != nil {
		return 0, fmt.Errorf("report scatter/gather %s: %w", key, err)
	}
	return 0, nil
}

func (r *reconciler) observe(ctx context.Context, key types.NamespacedName) (s State, err error) {
	svc := new(v1alpha1.ScatterGather)
	if err := r.kube.Get(ctx, key, svc); err != nil {
		if apierrors.IsNotFound(err) {
			return s, nil
		}
		return s, fmt.Errorf("read it: %w", err)
	}
	s.Service, s.Door = svc, r.Door
	if s.World, err = inpod.World(ctx, r.kube, key.Namespace, r.Domain); err != nil {
		return s, err
	}
	s.Routers, err = inpod.ReadyRouters(ctx, r.kube, key.Namespace, routerOf(svc, r.Door).Deployment())
	return s, err
}

// do publishes before it applies, so that a router finds its document.
func (r *reconciler) do(ctx context.Context, s State, p Plan) (version string, err error) {
	version = s.Service.Status.Version
	if p.Document != nil {
		if version, err = r.Documents.Publish(s.Service.Namespace, s.Service.Name, p.Document); err != nil {
			return version, err
		}
	}
	owner := *metav1.NewControllerRef(s.Service, v1alpha1.GroupVersion.WithKind("ScatterGather"))
	for _, o := range p.Objects {
		if err := r.keep.Objects(ctx, owner, o); err != nil {
			return version, err
		}
	}
	return version, nil
}

// report writes the status, when it changed.
func (r *reconciler) report(ctx context.Context, s State, p Plan, version string) error {
	if p.Verdict.Reason == "" {
		return nil
	}
	after := s.Service.DeepCopy()
	st := &after.Status
	st.ObservedGeneration, st.Version, st.Endpoints, st.Routers = s.Service.Generation, version, p.Endpoints, s.Routers
	st.Summary = fmt.Sprintf("%d/%d", p.Endpoints.Ready, p.Endpoints.Known)
	p.Verdict.Write(&st.Conditions, s.Service.Generation, r.now())
	if equality.Semantic.DeepEqual(s.Service.Status, after.Status) {
		return nil
	}
	if err := r.kube.PatchStatus(ctx, s.Service, after); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}
