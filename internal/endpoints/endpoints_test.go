package endpoints

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func world() World {
	port := func(name string, n int32) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: &name, Port: &n}
	}
	slice := func(service string, ports []discoveryv1.EndpointPort, es ...discoveryv1.Endpoint) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			AddressType: discoveryv1.AddressTypeIPv4, Ports: ports, Endpoints: es,
		}
	}
	at := func(ip, pod string, ready, leaving bool) discoveryv1.Endpoint {
		e := discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Terminating: &leaving}}
		if leaving {
			e.Conditions.Serving = new(true)
		}
		if pod != "" {
			e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod}
		}
		return e
	}
	service := func(name string, ports ...corev1.ServicePort) corev1.Service {
		return corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Spec: corev1.ServiceSpec{Ports: ports}}
	}
	two := []discoveryv1.EndpointPort{port("web", 8080), port("admin", 9090)}
	return World{
		Domain:   "cluster.local",
		Services: []corev1.Service{service("web", corev1.ServicePort{Name: "web", Port: 80}, corev1.ServicePort{Name: "admin", Port: 81}), service("redis", corev1.ServicePort{Name: "redis", Port: 6379}), service("none")},
		Slices: []discoveryv1.EndpointSlice{
			slice("web", two, at("10.0.0.2", "", true, false), at("10.0.0.1", "", true, false), at("10.0.0.3", "", false, false), at("10.0.0.4", "", false, true)),
			slice("web", two, at("10.0.0.1", "", true, false)),
			slice("redis", []discoveryv1.EndpointPort{port("redis", 6379)}, at("10.0.1.1", "redis-1", true, false), at("10.0.1.2", "redis-2", false, false)),
		},
		Sets: []appsv1.StatefulSet{{ObjectMeta: metav1.ObjectMeta{Name: "redis", Namespace: "shop"}, Spec: appsv1.StatefulSetSpec{Replicas: new(int32(3)), ServiceName: "redis"}}},
	}
}

func TestServiceHasWhoIsReadyOrDrains(t *testing.T) {
	got, err := world().Service("web", 0)
	want := []Endpoint{{Address: "10.0.0.1:8080", Ready: true}, {Address: "10.0.0.2:8080", Ready: true}, {Address: "10.0.0.4:8080", Drain: true}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	got, err = world().Service("web", 81)
	if err != nil || got[0].Address != "10.0.0.1:9090" {
		t.Errorf("a second port: %v, %v", got, err)
	}
}

func TestAShardStaysWhileItsPodIsAway(t *testing.T) {
	got, err := world().StatefulSet("redis", 0)
	want := []Endpoint{
		{Name: "redis-0", Address: "redis-0.redis.shop.svc.cluster.local:6379"},
		{Name: "redis-1", Address: "10.0.1.1:6379", Ready: true},
		{Name: "redis-2", Address: "10.0.1.2:6379"},
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	w := world()
	for _, err := range []error{
		second(w.Service("no", 0)), second(w.Service("web", 5)), second(w.Service("none", 0)), second(w.StatefulSet("no", 0)),
	} {
		if _, ok := errors.AsType[Missing](err); !ok {
			t.Errorf("err = %v", err)
		}
	}
}

func second(_ []Endpoint, err error) error { return err }
