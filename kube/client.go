package kube

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The words of controller-runtime that callers need.
type (
	Object         = client.Object
	ObjectList     = client.ObjectList
	Reader         = client.Reader
	InNamespace    = client.InNamespace
	MatchingLabels = client.MatchingLabels
	MatchingFields = client.MatchingFields
)

// A Client reads and writes a cluster. That of a controller reads from memory
// what the controller watches; Live always asks the server.
type Client struct {
	client.Client
	Live   Reader
	writes *atomic.Int64
}

// New returns a client without memory: every read asks the server.
func New(cfg *rest.Config) (*Client, error) {
	writes := new(atomic.Int64)
	c, err := client.New(counting(cfg, writes), client.Options{Scheme: Scheme()})
	if err != nil {
		return nil, fmt.Errorf("reach cluster: %w", err)
	}
	return &Client{Client: c, Live: c, writes: writes}, nil
}

// Writes counts the requests so far that could change something.
func (c *Client) Writes() int64 { return c.writes.Load() }

// Apply makes objects as they are given, in order, by server-side apply with
// the given field owner. What others wrote into the same fields is overruled;
// fields that owner no longer names go. Objects must carry kind and version.
func (c *Client) Apply(ctx context.Context, owner string, objs ...Object) error {
	for _, o := range objs {
		if _, err := c.ApplyOne(ctx, owner, o); err != nil {
			return err
		}
	}
	return nil
}

// ApplyOne is Apply for one object; it returns what the server made of it.
func (c *Client) ApplyOne(ctx context.Context, owner string, o Object) (*unstructured.Unstructured, error) {
	u, err := Unstructured(o)
	if err != nil {
		return nil, err
	}
	what := u.GetKind() + " " + u.GetName()
	err = c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(owner), client.ForceOwnership)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", what, err)
	}
	return u, nil
}

// Prune deletes exactly the objects given: one that was replaced in the
// meantime stays, one that has gone is no error. What it owns goes with it: in
// the background, or first when foreground is set.
func (c *Client) Prune(ctx context.Context, foreground bool, objs ...Object) error {
	how := client.PropagationPolicy(metav1.DeletePropagationBackground)
	if foreground {
		how = client.PropagationPolicy(metav1.DeletePropagationForeground)
	}
	for _, o := range objs {
		uid := o.GetUID()
		err := c.Delete(ctx, o, how, client.Preconditions{UID: &uid})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("delete %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
		}
	}
	return nil
}

// PatchStatus writes what differs between the status of after and of before.
func (c *Client) PatchStatus(ctx context.Context, before, after Object) error {
	if err := c.Status().Patch(ctx, after, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("write status of %s: %w", after.GetName(), err)
	}
	return nil
}

// Evict asks that a pod goes, as a drain does: budgets of disruption are kept.
// It tells whether the pod goes.
func (c *Client) Evict(ctx context.Context, pod *corev1.Pod) (bool, error) {
	err := c.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{DeleteOptions: &metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID},
	}})
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return err == nil, nil
	case apierrors.IsTooManyRequests(err):
		return false, nil // a budget says not now
	}
	return false, fmt.Errorf("evict pod %s: %w", pod.Name, err)
}

// Merge changes fields of an object by a merge patch, in the name of owner;
// when strategic, lists are merged by their keys.
func (c *Client) Merge(ctx context.Context, owner string, o Object, strategic bool, patch []byte) error {
	how := types.MergePatchType
	if strategic {
		how = types.StrategicMergePatchType
	}
	if err := c.Patch(ctx, o, client.RawPatch(how, patch), client.FieldOwner(owner)); err != nil {
		return fmt.Errorf("change %s: %w", o.GetName(), err)
	}
	return nil
}

// counting returns a copy of cfg whose requests that are not reads are counted.
func counting(cfg *rest.Config, n *atomic.Int64) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				n.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	return cfg
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
