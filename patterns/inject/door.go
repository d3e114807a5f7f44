package inject

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/kube"
)

// A Source is a kind that reaches into pods.
type Source struct {
	Kind     string // "Sidecar"
	Resource string // "sidecars"
	For      kube.Object

	// Rules returns those of all objects of the kind, from memory.
	Rules func(ctx context.Context, c *kube.Client) ([]graft.Rule, error)

	// Read checks one object as it was sent and returns its rule.
	Read func(object []byte) (graft.Rule, error)
}

// Options of a Door. All are required.
type Options struct {
	URL     string // at which the API server finds the door: "https://10.42.0.1:7701"
	CA      []byte // of the door's certificate, PEM
	Sources []Source
	Log     *slog.Logger
}

// A Door is where the API server asks about pods. Its methods may be called
// from any goroutine.
type Door struct {
	o Options

	mu       sync.Mutex // guards kube and promised; held for moments only
	kube     *kube.Client
	promised map[string]promise // accepted a moment ago, perhaps not in memory yet

	writing  sync.Mutex // guards the rest; held while the configuration is written
	standing string     // hash of the configuration as last written
	written  time.Time
}

// A promise is the rule of an object that the API server is about to store.
type promise struct {
	rule graft.Rule
	made time.Time
}

// memoryLag is how long an object that was accepted may take to be in memory.
const memoryLag = 10 * time.Second

// New returns a Door; it answers nothing until its controllers run.
func New(o Options) *Door {
	return &Door{o: o, promised: map[string]promise{}}
}

// Controllers keep the configuration as the kinds change: one a kind.
func (d *Door) Controllers() []kube.Controller {
	var all []kube.Controller
	for _, s := range d.o.Sources {
		all = append(all, kube.Controller{
			Name: "inject-" + s.Resource, For: s.For, Workers: 1,
			New: func(c *kube.Client, _ kube.Recorder) kube.Reconcile {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.kube = c
				return func(ctx context.Context, _ types.NamespacedName) (time.Duration, error) {
					return rewrite, d.keep(ctx, nil)
				}
			},
		})
	}
	return all
}

// rewrite is how often the configuration is written although nothing changed:
// somebody may have taken it away.
const rewrite = 10 * time.Minute

// rules returns those of all kinds, and those promised.
func (d *Door) rules(ctx context.Context) ([]graft.Rule, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kube == nil {
		return nil, errors.New("list what goes into pods: the controllers do not run yet")
	}
	var all []graft.Rule
	for _, s := range d.o.Sources {
		rules, err := s.Rules(ctx, d.kube)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", s.Resource, err)
		}
		all = append(all, rules...)
	}
	for key, p := range d.promised {
		if time.Since(p.made) > memoryLag {
			delete(d.promised, key)
			continue
		}
		all = slices.DeleteFunc(all, func(r graft.Rule) bool { return keyOf(r) == key })
		all = append(all, p.rule)
	}
	return all, nil
}

func keyOf(r graft.Rule) string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// Ready returns once the kinds are in memory and the API server knows the door.
func (d *Door) Ready(ctx context.Context) error {
	for {
		err := d.keep(ctx, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// keep writes the configuration that the rules need, if it is not there
// already. A rule that is promised is remembered until memory has it.
func (d *Door) keep(ctx context.Context, promised *graft.Rule) error {
	if promised != nil {
		d.mu.Lock()
		d.promised[keyOf(*promised)] = promise{*promised, time.Now()}
		d.mu.Unlock()
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	rules, err := d.rules(ctx)
	if err != nil {
		return err
	}
	hooks := Decide(rules)
	hash := graft.Hash(hooks)
	if d.standing == hash && time.Since(d.written) < rewrite {
		return nil
	}
	for _, o := range []*unstructured.Unstructured{d.mutating(hooks), d.validating()} {
		if err := d.kube.Apply(ctx, v1alpha1.PatternOwner, o); err != nil {
			return err
		}
	}
	d.standing, d.written = hash, time.Now()
	d.o.Log.Debug("asked about pods", "hooks", len(hooks))
	return nil
}

// timeout is how long a pod waits for the platform at most, in seconds.
const timeout = int64(2)

func (d *Door) mutating(hooks []Hook) *unstructured.Unstructured {
	entries := []any{}
	for _, h := range hooks {
		e := d.entry(h.Name, "/inject", map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "resources": []any{"pods"}, "scope": "Namespaced", "operations": []any{"CREATE"}})
		e["namespaceSelector"] = map[string]any{"matchExpressions": []any{
			expression("In", h.Namespaces), expression("NotIn", v1alpha1.SystemNamespaces),
		}}
		e["reinvocationPolicy"] = "Never"
		if selector, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&h.Selector); err == nil {
			e["objectSelector"] = selector
		}
		entries = append(entries, e)
	}
	return configuration("MutatingWebhookConfiguration", entries)
}

func expression(operator string, names []string) map[string]any {
	values := []any{}
	for _, n := range names {
		values = append(values, n)
	}
	return map[string]any{"key": "kubernetes.io/metadata.name", "operator": operator, "values": values}
}

// validating asks about the kinds themselves, so that the first pod made after
// one of them is already asked about.
func (d *Door) validating() *unstructured.Unstructured {
	resources := []any{}
	for _, s := range d.o.Sources {
		resources = append(resources, s.Resource)
	}
	e := d.entry("kinds.inject.nagi.dev", "/accept", map[string]any{
		"apiGroups": []any{v1alpha1.GroupVersion.Group}, "apiVersions": []any{v1alpha1.GroupVersion.Version},
		"resources": resources, "scope": "Namespaced", "operations": []any{"CREATE", "UPDATE"},
	})
	e["sideEffects"] = "NoneOnDryRun"
	return configuration("ValidatingWebhookConfiguration", []any{e})
}

func (d *Door) entry(name, path string, rule map[string]any) map[string]any {
	return map[string]any{
		"name": name, "rules": []any{rule}, "failurePolicy": "Ignore", "timeoutSeconds": timeout,
		"sideEffects": "None", "matchPolicy": "Equivalent", "admissionReviewVersions": []any{"v1"},
		"clientConfig": map[string]any{"url": d.o.URL + path, "caBundle": encode(d.o.CA)},
	}
}

func configuration(kind string, entries []any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
		"metadata": map[string]any{"name": "nagi-inject", "labels": map[string]any{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}},
		"webhooks": entries,
	}}
}
