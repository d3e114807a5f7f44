package scatter

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/router"
)

// Kind is how a document of this room is called in the stream, and the value
// of the label on its objects.
const Kind = "scattergather"

// An object to apply.
type object interface {
	metav1.Object
	runtime.Object
}

// listen is where routers listen; not a port that only root may take.
const listen = 8080

// objects are what s asks for, in the order to apply.
func objects(s *v1alpha1.ScatterGather, door graft.Door) []object {
	d, front := routerOf(s, door).Objects()
	return []object{d, front}
}

func routerOf(s *v1alpha1.ScatterGather, door graft.Door) router.Router {
	r := router.Router{
		Kind: "ScatterGather", Namespace: s.Namespace, Name: s.Name, Door: door,
		Path: "/v1/planes/" + s.Namespace + "/" + Kind + "/" + s.Name, Audience: v1alpha1.Audience,
		Labels: map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.PatternLabel: Kind, v1alpha1.PatternNameLabel: s.Name,
		},
		Replicas: cmp.Or(s.Spec.Routers, 2), Port: cmp.Or(s.Spec.Port, 80), Listen: listen,
	}
	if s.Spec.Publish {
		r.Type = corev1.ServiceTypeLoadBalancer
	}
	return r
}
