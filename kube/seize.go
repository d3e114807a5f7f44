package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Seize makes owner the applier of the fields that others hold by updates, as
// far as which says so. The next Apply of owner takes away those that it does
// not name. An object that is not there is no error.
func (c *Client) Seize(ctx context.Context, owner string, o Object, which func(metav1.ManagedFieldsEntry) bool) error {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
	if err := c.Live.Get(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, u); err != nil {
		return seized(o, client.IgnoreNotFound(err))
	}
	from := sets.New[string]()
	for _, e := range u.GetManagedFields() {
		if which(e) {
			from.Insert(e.Manager)
		}
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(u, from, owner)
	if err != nil || patch == nil {
		return seized(o, err)
	}
	err = c.Patch(ctx, u, client.RawPatch(types.JSONPatchType, patch))
	if apierrors.IsNotFound(err) {
		return nil
	}
	return seized(o, err)
}

func seized(o Object, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("seize fields of %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
}
