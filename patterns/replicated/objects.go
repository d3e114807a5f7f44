package replicated

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/router"
)

// Kind is how a document of this room is called in the stream, and the value
// of the label on its objects.
const Kind = "replicatedservice"

// An object to apply.
type object interface {
	metav1.Object
	runtime.Object
}

// listen is where routers listen; not a port that only root may take.
const listen = 8080

func replicas(s *v1alpha1.ReplicatedService) string { return s.Name + "-replicas" }

func labels(s *v1alpha1.ReplicatedService) map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.PatternLabel: Kind, v1alpha1.PatternNameLabel: s.Name,
	}
}

func port(s *v1alpha1.ReplicatedService) int32 {
	if s.Spec.TLS != nil {
		return cmp.Or(s.Spec.Port, 443)
	}
	return cmp.Or(s.Spec.Port, 80)
}

// objects are what s asks for, in the order to apply.
func objects(s *v1alpha1.ReplicatedService, door graft.Door) []object {
	d, front := routerOf(s, door).Objects()
	return []object{found(s), d, front}
}

func routerOf(s *v1alpha1.ReplicatedService, door graft.Door) router.Router {
	r := router.Router{
		Kind: "ReplicatedService", Namespace: s.Namespace, Name: s.Name, Door: door,
		Path: "/v1/planes/" + s.Namespace + "/" + Kind + "/" + s.Name, Audience: v1alpha1.Audience,
		Labels: labels(s), Replicas: cmp.Or(s.Spec.Routers, 2), Port: port(s), Listen: listen,
	}
	if s.Spec.Publish {
		r.Type = corev1.ServiceTypeLoadBalancer
	}
	if s.Spec.TLS != nil {
		r.Secret = s.Spec.TLS.SecretName
	}
	return r
}

// found is the headless Service whose endpoints are the replicas.
func found(s *v1alpha1.ReplicatedService) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: replicas(s), Namespace: s.Namespace, Labels: labels(s)},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, Selector: s.Spec.Selector,
			Ports: []corev1.ServicePort{{Name: "replica", Port: s.Spec.TargetPort, TargetPort: intstr.FromInt32(s.Spec.TargetPort), Protocol: corev1.ProtocolTCP}},
		},
	}
}
