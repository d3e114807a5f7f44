package sharded

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/internal/router"
)

// Kind is how a document of this room is called in the stream, and the value
// of the label on its objects.
const Kind = "shardedservice"

// An object to apply.
type object interface {
	metav1.Object
	runtime.Object
}

const shardLabel = "nagi.dev/shards"

// shared tells whether a router stands in front.
func shared(s *v1alpha1.ShardedService) bool { return s.Spec.Router.Mode != "Ambassador" }

// headless is the name of the Service by which the shards are known.
func headless(s *v1alpha1.ShardedService) string { return s.Name + "-shards" }

func labels(s *v1alpha1.ShardedService) map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.PatternLabel: Kind, v1alpha1.PatternNameLabel: s.Name,
	}
}

// objects are what s asks for, in the order to apply.
func objects(s *v1alpha1.ShardedService, door graft.Door) ([]object, error) {
	set, err := shards(s)
	if err != nil {
		return nil, err
	}
	all := []object{names(s), set}
	if shared(s) {
		d, front := routerOf(s, door).Objects()
		all = append(all, d, front)
	}
	return all, nil
}

func routerOf(s *v1alpha1.ShardedService, door graft.Door) router.Router {
	return router.Router{
		Kind: "ShardedService", Namespace: s.Namespace, Name: s.Name, Door: door,
		Path: "/v1/planes/" + s.Namespace + "/" + Kind + "/" + s.Name, Audience: v1alpha1.Audience,
		Labels: labels(s), Replicas: cmp.Or(s.Spec.Router.Replicas, 2), Port: s.Spec.Port, Listen: s.Spec.Port,
	}
}

// names is the headless Service: a shard has a name before it is ready.
func names(s *v1alpha1.ShardedService) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: headless(s), Namespace: s.Namespace, Labels: labels(s)},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, Selector: map[string]string{shardLabel: s.Name}, PublishNotReadyAddresses: true,
			Ports: []corev1.ServicePort{{Name: "shard", Port: s.Spec.Port, TargetPort: intstr.FromInt32(s.Spec.Port), Protocol: corev1.ProtocolTCP}},
		},
	}
}

func shards(s *v1alpha1.ShardedService) (*appsv1.StatefulSet, error) {
	var t corev1.PodTemplateSpec
	dec := json.NewDecoder(bytes.NewReader(s.Spec.Template.Raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	if len(t.Spec.Containers) == 0 {
		return nil, errors.New("spec.template.spec.containers: a shard needs one")
	}
	if t.Labels == nil {
		t.Labels = map[string]string{}
	}
	maps.Copy(t.Labels, labels(s))
	t.Labels[shardLabel] = s.Name
	set := &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: labels(s)},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &s.Spec.Shards, ServiceName: headless(s), PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{shardLabel: s.Name}}, Template: t,
		},
	}
	if st := s.Spec.Storage; st != nil {
		size, err := resource.ParseQuantity(st.Size)
		if err != nil {
			return nil, fmt.Errorf("spec.storage.size: %w", err)
		}
		set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claim(st, size)}
	}
	return set, nil
}

func claim(st *v1alpha1.ShardStorage, size resource.Quantity) corev1.PersistentVolumeClaim {
	c := corev1.PersistentVolumeClaim{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
		},
	}
	if st.ClassName != "" {
		c.Spec.StorageClassName = &st.ClassName
	}
	return c
}
