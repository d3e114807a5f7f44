package kube

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Remove deletes an object and returns once it is not there any more. how says
// what becomes of the objects that it owns. One that is not there is no error.
func (c *Client) Remove(ctx context.Context, o Object, how metav1.DeletionPropagation) error {
	key := client.ObjectKeyFromObject(o)
	if err := client.IgnoreNotFound(c.Delete(ctx, o, client.PropagationPolicy(how))); err != nil {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := c.Live.Get(ctx, key, o)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		return fmt.Errorf("wait until %s has gone: %w", key, err)
	}
	return nil
}
