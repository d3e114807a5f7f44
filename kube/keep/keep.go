package keep

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/internal/graft"
	"nagi.dev/kube"
)

// ErrTaken means that an object of the name belongs to another.
var ErrTaken = errors.New("belongs to another")

// A Keeper keeps objects in the name of Owner; Mark is the annotation that
// holds the hash of what was applied.
type Keeper struct {
	Kube        *kube.Client
	Owner, Mark string
}

// Objects applies those of objs that are not as they were applied last; the
// server is asked about each.
func (k *Keeper) Objects(ctx context.Context, owner metav1.OwnerReference, objs ...kube.Object) error {
	for _, o := range objs {
		o.SetOwnerReferences([]metav1.OwnerReference{owner})
		hash := graft.Hash(o)
		have := &metav1.PartialObjectMetadata{}
		have.SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
		what := fmt.Sprintf("%s %s", have.Kind, o.GetName())
		err := k.Kube.Live.Get(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, have)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("look for %s: %w", what, err)
		case !controls(owner, have):
			return fmt.Errorf("%s %w", what, ErrTaken)
		case have.Annotations[k.Mark] == hash:
			continue
		}
		marks := map[string]string{k.Mark: hash}
		for key, v := range o.GetAnnotations() {
			marks[key] = v
		}
		o.SetAnnotations(marks)
		if err := k.Kube.Apply(ctx, k.Owner, o); err != nil {
			return err
		}
	}
	return nil
}

func controls(owner metav1.OwnerReference, o metav1.Object) bool {
	c := metav1.GetControllerOf(o)
	return c != nil && c.UID == owner.UID
}

// Gone deletes an object of the owner that is no longer wanted.
func (k *Keeper) Gone(ctx context.Context, owner metav1.OwnerReference, o kube.Object) error {
	have := &metav1.PartialObjectMetadata{}
	have.SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
	err := k.Kube.Live.Get(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, have)
	if apierrors.IsNotFound(err) || err == nil && !controls(owner, have) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for %s: %w", o.GetName(), err)
	}
	return k.Kube.Prune(ctx, false, have)
}
