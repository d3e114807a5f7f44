package replicated

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/plane/config"
)

func dict(change func(*v1alpha1.ReplicatedServiceSpec)) *v1alpha1.ReplicatedService {
	s := &v1alpha1.ReplicatedService{ObjectMeta: metav1.ObjectMeta{Name: "dict", Namespace: "shop"}}
	s.Spec = v1alpha1.ReplicatedServiceSpec{Selector: map[string]string{"app": "dict"}, TargetPort: 8080}
	if change != nil {
		change(&s.Spec)
	}
	return s
}

// made is a world in which the objects of dict are there, with one replica.
func made() endpoints.World {
	return endpoints.World{
		Services: []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Name: "dict-replicas"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "replica", Port: 8080}}}}},
		Slices: []discoveryv1.EndpointSlice{{
			ObjectMeta:  metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: "dict-replicas"}},
			AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("replica"), Port: new(int32(8080))}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}},
		}},
	}
}

func TestDocuments(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.ReplicatedServiceSpec)
		route  config.Route
		tls    *config.ServerTLS
		port   int32 // of the Service
	}{
		{"nothing asked for: balanced, and tried again", nil, config.Route{Retry: &config.Retry{}}, nil, 80},
		{
			"affinity, limit and timeout", func(s *v1alpha1.ReplicatedServiceSpec) {
				s.Affinity = &v1alpha1.StickyClient{By: "cookie", Name: "c"}
				s.RateLimit = &v1alpha1.ServiceRate{PerSecond: 5, By: "address"}
				s.Timeout, s.RetryBudget = "2s", new(int32(0))
			},
			config.Route{Timeout: 2e9, Sticky: &config.Sticky{By: "cookie", Name: "c"}, Limit: &config.RateLimit{PerSecond: 5, By: "address"}},
			nil, 80,
		},
		{
			"a cache", func(s *v1alpha1.ReplicatedServiceSpec) {
				s.Cache = &v1alpha1.ServiceCache{Size: "64Mi", DefaultTTL: "10s"}
			},
			config.Route{Retry: &config.Retry{}, Cache: &config.Cache{Size: 64 << 20, DefaultTTL: 10e9}},
			nil, 80,
		},
		{
			"a certificate", func(s *v1alpha1.ReplicatedServiceSpec) { s.TLS = &v1alpha1.ServiceTLS{SecretName: "cert"} },
			config.Route{Retry: &config.Retry{}},
			&config.ServerTLS{CertFile: "/nagi/tls/tls.crt", KeyFile: "/nagi/tls/tls.key"}, 443,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dict(tt.change)
			p := Decide(State{Service: s, World: made(), Routers: 2})
			tt.route.Arms = []config.Arm{{Pool: "replicas"}}
			want := &config.Config{
				Listeners: []config.Listener{{Name: "front", Address: ":8080", Protocol: config.HTTP, TLS: tt.tls, Routes: []config.Route{tt.route}}},
				Pools:     []config.Pool{{Name: "replicas", Endpoints: []config.Endpoint{{Address: "10.0.0.1:8080"}}}},
			}
			if d := cmp.Diff(want, p.Document); d != "" {
				t.Error(d)
			}
			if !p.Verdict.Ready || port(s) != tt.port {
				t.Errorf("verdict = %+v, port = %d", p.Verdict, port(s))
			}
		})
	}
}

func TestWhatIsNotThereYet(t *testing.T) {
	for _, tt := range []struct {
		name    string
		world   endpoints.World
		routers int32
		reason  string
	}{
		{"its objects", endpoints.World{}, 0, v1alpha1.ReasonStarting},
		{"a replica", endpoints.World{Services: made().Services}, 2, v1alpha1.ReasonNoEndpoints},
		{"a router", made(), 0, v1alpha1.ReasonStarting},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Decide(State{Service: dict(nil), World: tt.world, Routers: tt.routers})
			if p.Verdict.Ready || p.Verdict.Reason != tt.reason || len(p.Objects) != 3 {
				t.Errorf("verdict = %+v, %d objects", p.Verdict, len(p.Objects))
			}
		})
	}
}
