package stack

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"nagi.dev/api/crds"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
	"nagi.dev/kube"
)

// installer is the field owner of the definitions.
const installer = "nagi-platform"

// InstallCRDs makes the kinds of Nagi known to the cluster and returns when
// they are served. It waits for a server that is still starting, until ctx
// ends, and may be called again at every start.
func InstallCRDs(ctx context.Context, c *kube.Client) error {
	files, err := fs.Glob(crds.FS, "*.yaml")
	if err != nil {
		return fmt.Errorf("read definitions: %w", err)
	}
	for _, f := range files {
		text, err := crds.FS.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read definition: %w", err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return fmt.Errorf("read definition %s: %w", f, err)
		}
		if err := patiently(ctx, func() error { return c.Apply(ctx, installer, crd) }); err != nil {
			return err
		}
	}
	if err := patiently(ctx, func() error { return c.Apply(ctx, installer, runtimeClass()) }); err != nil {
		return err
	}
	return Served(ctx, c)
}

// Served returns when the kinds of Nagi are served. It waits for a server that
// is still starting, until ctx ends.
func Served(ctx context.Context, c *kube.Client) error {
	return patiently(ctx, func() error { return served(ctx, c) })
}

// runtimeClass is how pods ask for what only Nagi's own runtime can give them.
// A node without it refuses them and says so.
func runtimeClass() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
		"metadata": map[string]any{"name": compose.RuntimeClass}, "handler": compose.RuntimeClass,
	}}
}

// served asks for Stacks: a definition that is Established may still be
// unknown to the one who serves it.
func served(ctx context.Context, c *kube.Client) error {
	l := &metav1.PartialObjectMetadataList{}
	l.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("StackList"))
	if err := c.Live.List(ctx, l); err != nil {
		return fmt.Errorf("list stacks: %w", err)
	}
	return nil
}

// patiently tries until do succeeds, is told that its request is wrong, or ctx
// ends; then it returns what went wrong last.
func patiently(ctx context.Context, do func() error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		err := do()
		if err == nil {
			return true, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return false, err
		}
		return false, nil
	})
	if err == nil {
		return nil
	}
	return cmp.Or(last, err)
}
