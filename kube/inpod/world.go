package inpod

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"nagi.dev/internal/endpoints"
	"nagi.dev/kube"
)

// WorldWatches is how a controller sees who answers behind Services and
// StatefulSets.
func WorldWatches() []kube.Watch {
	return []kube.Watch{
		{Object: &corev1.Service{}, Trim: func(o kube.Object) { o.SetManagedFields(nil); o.SetAnnotations(nil) }},
		{Object: &discoveryv1.EndpointSlice{}, Trim: func(o kube.Object) { o.SetManagedFields(nil); o.SetAnnotations(nil) }},
		{Object: &appsv1.StatefulSet{}, Trim: trimSet},
	}
}

// Names is how a controller is woken by a kind of which it knows names, labels
// and versions.
func Names(o kube.Object) kube.Watch {
	return kube.Watch{Object: o, Metadata: true, Trim: func(o kube.Object) { o.SetManagedFields(nil); o.SetAnnotations(nil) }}
}

// trimSet keeps of a StatefulSet what the names of its pods come from.
func trimSet(o kube.Object) {
	s, ok := o.(*appsv1.StatefulSet)
	if !ok {
		return
	}
	s.ManagedFields, s.Annotations = nil, nil
	s.Spec = appsv1.StatefulSetSpec{Replicas: s.Spec.Replicas, ServiceName: s.Spec.ServiceName, Ordinals: s.Spec.Ordinals}
}

// World is what is known of a namespace, from memory.
func World(ctx context.Context, c *kube.Client, namespace, domain string) (endpoints.World, error) {
	w := endpoints.World{Domain: domain}
	var services corev1.ServiceList
	var slices discoveryv1.EndpointSliceList
	var sets appsv1.StatefulSetList
	for _, list := range []kube.ObjectList{&services, &slices, &sets} {
		if err := c.List(ctx, list, kube.InNamespace(namespace)); err != nil {
			return w, fmt.Errorf("list %T: %w", list, err)
		}
	}
	w.Services, w.Slices, w.Sets = services.Items, slices.Items, sets.Items
	return w, nil
}
