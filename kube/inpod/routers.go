package inpod

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

// Routers is how a controller sees the Deployments of patterns.
func Routers() kube.Watch {
	return kube.Watch{Object: &appsv1.Deployment{}, Label: v1alpha1.PatternLabel, Trim: func(o kube.Object) {
		if d, ok := o.(*appsv1.Deployment); ok {
			d.ManagedFields, d.Annotations, d.Spec = nil, nil, appsv1.DeploymentSpec{Replicas: d.Spec.Replicas}
		}
	}}
}

// ReadyRouters counts the pods of a Deployment that are ready, from memory; 0
// when there is none.
func ReadyRouters(ctx context.Context, c *kube.Client, namespace, name string) (int32, error) {
	var d appsv1.Deployment
	err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &d)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read routers: %w", err)
	}
	return d.Status.ReadyReplicas, nil
}
