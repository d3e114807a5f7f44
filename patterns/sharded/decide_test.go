package sharded

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/internal/graft"
)

func store(template string, change func(*v1alpha1.ShardedServiceSpec)) *v1alpha1.ShardedService {
	s := &v1alpha1.ShardedService{ObjectMeta: metav1.ObjectMeta{Name: "store", Namespace: "shop"}}
	s.Spec = v1alpha1.ShardedServiceSpec{Protocol: "redis", Shards: 2, Port: 6379, Template: runtime.RawExtension{Raw: []byte(template)}}
	if change != nil {
		change(&s.Spec)
	}
	return s
}

const plain = `{"metadata": {"labels": {"own": "x"}}, "spec": {"containers": [{"name": "redis", "image": "redis"}]}}`

// made is a world in which the objects of store are there, and shard 1 serves.
func made() endpoints.World {
	return endpoints.World{
		Domain:   "cluster.local",
		Services: []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Name: "store-shards", Namespace: "shop"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "shard", Port: 6379}}}}},
		Sets:     []appsv1.StatefulSet{{ObjectMeta: metav1.ObjectMeta{Name: "store", Namespace: "shop"}, Spec: appsv1.StatefulSetSpec{Replicas: new(int32(2)), ServiceName: "store-shards"}}},
		Slices: []discoveryv1.EndpointSlice{{
			ObjectMeta:  metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: "store-shards"}},
			AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("shard"), Port: new(int32(6379))}},
			Endpoints: []discoveryv1.Endpoint{{
				Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true)},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "store-1"},
			}},
		}},
	}
}

func list(objs []object) string {
	var all []string
	for _, o := range objs {
		all = append(all, o.GetObjectKind().GroupVersionKind().Kind+" "+o.GetName())
	}
	return strings.Join(all, ", ")
}

func TestObjects(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service *v1alpha1.ShardedService
		want    string
	}{
		{"a shared router stands in front", store(plain, nil), "Service store-shards, StatefulSet store, Deployment store-router, Service store"},
		{"clients with an ambassador need none", store(plain, func(s *v1alpha1.ShardedServiceSpec) { s.Router.Mode = "Ambassador" }), "Service store-shards, StatefulSet store"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Decide(State{Service: tt.service})
			if got := list(p.Objects); got != tt.want {
				t.Errorf("objects = %s\nwant      %s", got, tt.want)
			}
		})
	}
}

func TestAShardKeepsItsLabelsAndGetsAVolume(t *testing.T) {
	s := store(plain, func(s *v1alpha1.ShardedServiceSpec) { s.Storage = &v1alpha1.ShardStorage{Size: "1Gi"} })
	set, err := shards(s)
	if err != nil {
		t.Fatal(err)
	}
	if set.Spec.Template.Labels["own"] != "x" || set.Spec.Template.Labels[shardLabel] != "store" || len(set.Spec.VolumeClaimTemplates) != 1 {
		t.Errorf("set = %+v", set.Spec)
	}
}

func TestTheDocumentHasEveryShard(t *testing.T) {
	p := Decide(State{Service: store(plain, nil), World: made(), Door: graft.Door{}, Routers: 2})
	if p.Document == nil {
		t.Fatalf("there is none: %+v", p.Verdict)
	}
	es := p.Document.Pools[0].Endpoints
	if len(es) != 2 || es[0].Address != "store-0.store-shards.shop.svc.cluster.local:6379" || es[1].Address != "10.0.0.1:6379" {
		t.Errorf("shards = %+v", es)
	}
	if p.Verdict.Ready || p.Verdict.Message != "1 of 2 shards answer" {
		t.Errorf("verdict = %+v", p.Verdict)
	}
}

func TestATemplateThatIsNoneIsTold(t *testing.T) {
	for _, tt := range []struct{ name, template, want string }{
		{"an unknown field", `{"spec": {"container": []}}`, `unknown field "container"`},
		{"no container", `{"spec": {}}`, "a shard needs one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p := Decide(State{Service: store(tt.template, nil)}); !p.Verdict.Stalled || !strings.Contains(p.Verdict.Message, tt.want) {
				t.Errorf("verdict = %+v", p.Verdict)
			}
		})
	}
}
