package ambassador

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/internal/graft"
	"nagi.dev/plane/config"
)

var door = graft.Door{Image: "plane:1", URL: "https://door", CA: "CA"}

// ambassador to localhost:8000 over a protocol.
func ambassador(protocol config.Protocol, change func(*v1alpha1.AmbassadorSpec)) *v1alpha1.Ambassador {
	a := &v1alpha1.Ambassador{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "shop"}}
	a.Spec = v1alpha1.AmbassadorSpec{
		Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "app"}}, Listen: "127.0.0.1:8000", Protocol: string(protocol),
	}
	change(&a.Spec)
	return a
}

// decided is what Decide says of a world with the StatefulSet redis of two.
func decided(t *testing.T, a *v1alpha1.Ambassador, environment string) Plan {
	t.Helper()
	r, err := Rule(a, door)
	if err != nil {
		t.Fatal(err)
	}
	return Decide(State{Ambassador: a, Rule: r, Environment: environment, World: endpoints.World{
		Domain:   "cluster.local",
		Services: []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Name: "redis"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 6379}}}}},
		Sets:     []appsv1.StatefulSet{{ObjectMeta: metav1.ObjectMeta{Name: "redis", Namespace: "shop"}, Spec: appsv1.StatefulSetSpec{Replicas: new(int32(2)), ServiceName: "redis"}}},
	}})
}

func at(address string) v1alpha1.Target { return v1alpha1.Target{Address: address} }

func TestDocuments(t *testing.T) {
	one := []config.Endpoint{{Address: "one:1"}}
	two := []config.Endpoint{{Address: "two:2"}}
	for _, tt := range []struct {
		name       string
		ambassador *v1alpha1.Ambassador
		route      config.Route
		pools      []config.Pool
	}{
		{
			"a split has a pool for each arm",
			ambassador(config.HTTP, func(s *v1alpha1.AmbassadorSpec) {
				s.Timeout = "2s"
				s.Split = &v1alpha1.AmbassadorSplit{
					Sticky: &v1alpha1.StickyClient{By: "cookie", Name: "c"},
					Routes: []v1alpha1.SplitRoute{{Target: at("one:1"), Weight: 9}, {Target: at("two:2")}},
				}
			}),
			config.Route{Timeout: 2e9, Arms: []config.Arm{{Pool: "arm-0", Weight: 9}, {Pool: "arm-1"}}, Sticky: &config.Sticky{By: "cookie", Name: "c"}},
			[]config.Pool{{Name: "arm-0", Endpoints: one}, {Name: "arm-1", Endpoints: two}},
		},
		{
			"the replicas of a StatefulSet are shards by their names",
			ambassador(config.Redis, func(s *v1alpha1.AmbassadorSpec) {
				s.Shard = &v1alpha1.AmbassadorShard{Targets: []v1alpha1.Target{{StatefulSet: "redis"}}, Ring: v1alpha1.Ring{Hash: "md5", HashTag: "{}"}}
			}),
			config.Route{Arms: []config.Arm{{Pool: "shards"}}},
			[]config.Pool{{Name: "shards", Balance: config.Balance{Algorithm: "ketama", Hash: "md5", HashTag: "{}"}, Endpoints: []config.Endpoint{
				{Name: "redis-0", Address: "redis-0.redis.shop.svc.cluster.local:6379"}, {Name: "redis-1", Address: "redis-1.redis.shop.svc.cluster.local:6379"},
			}}},
		},
		{
			"http is sharded by its path unless told",
			ambassador(config.HTTP, func(s *v1alpha1.AmbassadorSpec) {
				s.Shard = &v1alpha1.AmbassadorShard{Targets: []v1alpha1.Target{at("one:1")}}
			}),
			config.Route{Key: "path", Arms: []config.Arm{{Pool: "shards"}}},
			[]config.Pool{{Name: "shards", Balance: config.Balance{Algorithm: "ketama"}, Endpoints: one}},
		},
		{
			"a broker takes the backend of the namespace's environment, with its password",
			ambassador(config.Redis, func(s *v1alpha1.AmbassadorSpec) {
				s.Broker = &v1alpha1.AmbassadorBroker{Backends: []v1alpha1.BrokerBackend{
					{Environment: "production", Target: at("one:1")},
					{Environment: "test", Target: at("two:2"), Username: "u", Password: &v1alpha1.SecretKey{Name: "s", Key: "k"}, Database: 3},
				}}
			}),
			config.Route{Arms: []config.Arm{{Pool: "backend"}}},
			[]config.Pool{{Name: "backend", Endpoints: two, Username: "u", Database: 3, PasswordFile: "/nagi/backends/test/k"}},
		},
		{
			"a tee compares where it is asked to",
			ambassador(config.HTTP, func(s *v1alpha1.AmbassadorSpec) {
				s.Tee = &v1alpha1.AmbassadorTee{Target: at("one:1"), Shadow: at("two:2"), Percent: 10, Compare: &v1alpha1.TeeCompare{IgnoreHeaders: []string{"x-id"}}}
			}),
			config.Route{Arms: []config.Arm{{Pool: "answers"}}, Tee: &config.Tee{Pool: "shadow", Percent: 10, Compare: true, IgnoreHeaders: []string{"x-id"}}},
			[]config.Pool{{Name: "answers", Endpoints: one}, {Name: "shadow", Endpoints: two}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := decided(t, tt.ambassador, "test")
			want := &config.Config{Pools: tt.pools, Listeners: []config.Listener{{
				Name: "ambassador", Address: "127.0.0.1:8000", Protocol: config.Protocol(tt.ambassador.Spec.Protocol), Routes: []config.Route{tt.route},
			}}}
			if d := cmp.Diff(want, p.Document); d != "" {
				t.Errorf("%+v %s", p.Verdict, d)
			}
		})
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	split := func(target v1alpha1.Target) *v1alpha1.Ambassador {
		return ambassador(config.HTTP, func(s *v1alpha1.AmbassadorSpec) {
			s.Split = &v1alpha1.AmbassadorSplit{Routes: []v1alpha1.SplitRoute{{Target: target}}}
		})
	}
	broker := ambassador(config.TCP, func(s *v1alpha1.AmbassadorSpec) {
		s.Broker = &v1alpha1.AmbassadorBroker{Backends: []v1alpha1.BrokerBackend{{Environment: "production", Target: at("one:1")}}}
	})
	for _, tt := range []struct {
		name        string
		ambassador  *v1alpha1.Ambassador
		environment string
		reason      string
		document    bool // is there one
	}{
		{"a Service that is not there yet", split(v1alpha1.Target{Service: "no"}), "", v1alpha1.ReasonTarget, true},
		{"a Service without endpoints", split(v1alpha1.Target{Service: "redis"}), "", v1alpha1.ReasonNoEndpoints, true},
		{"nobody knows the environment", broker, "", v1alpha1.ReasonEnvironment, false},
		{"no backend for the environment", broker, "test", v1alpha1.ReasonEnvironment, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := decided(t, tt.ambassador, tt.environment)
			if p.Verdict.Reason != tt.reason || p.Verdict.Ready || (p.Document != nil) != tt.document {
				t.Errorf("verdict = %+v, document = %v", p.Verdict, p.Document)
			}
		})
	}
}

func TestAPodStaysWhenTheDocumentChanges(t *testing.T) {
	one := ambassador(config.HTTP, func(s *v1alpha1.AmbassadorSpec) {
		s.Split = &v1alpha1.AmbassadorSplit{Routes: []v1alpha1.SplitRoute{{Target: at("one:1")}}}
	})
	two := one.DeepCopy()
	two.Spec.Split.Routes[0].Weight = 5
	a, err1 := Rule(one, door)
	b, err2 := Rule(two, door)
	if err1 != nil || err2 != nil || a.Mark() != b.Mark() {
		t.Errorf("marks %+v and %+v; %v, %v", a.Mark(), b.Mark(), err1, err2)
	}
}

func TestWhatNoPlaneDoesIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		a    *v1alpha1.Ambassador
	}{
		{"a username over http", ambassador(config.HTTP, func(s *v1alpha1.AmbassadorSpec) {
			s.Broker = &v1alpha1.AmbassadorBroker{Backends: []v1alpha1.BrokerBackend{{Environment: "e", Target: at("one:1"), Username: "u"}}}
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Rule(tt.a, door); err == nil {
				t.Error("it is taken")
			}
		})
	}
}

func TestANutcrackerFileIsTakenAsItIs(t *testing.T) {
	const file = `
alpha:
  listen: 127.0.0.1:22121
  hash: fnv1a_64
  distribution: ketama
  redis: true
  timeout: 400
  servers:
  - 10.0.0.1:6379:1 one
  - 10.0.0.2:6379:1 two
beta:
  listen: 127.0.0.1:22122
  servers: ["10.0.0.3:11211:1"]
`
	shard := func(pool string) *v1alpha1.Ambassador {
		return ambassador(config.Redis, func(s *v1alpha1.AmbassadorSpec) {
			s.Shard = &v1alpha1.AmbassadorShard{Nutcracker: &v1alpha1.NutcrackerFile{ConfigMap: "proxy", Pool: pool}}
		})
	}
	for _, tt := range []struct {
		name, pool, file, reason, message string // no reason: it is taken
	}{
		{"a pool by its name", "alpha", file, "", ""},
		{"a file of two pools without a name", "", file, v1alpha1.ReasonDocument, `pool "" is none of alpha, beta`},
		{"a pool of another protocol", "beta", file, v1alpha1.ReasonDocument, "pool beta speaks memcache, the ambassador redis"},
		{"a ConfigMap that is not there yet", "alpha", "", v1alpha1.ReasonTarget, "ConfigMap proxy, nutcracker.yml: it is not there"},
		{"a file that is none", "alpha", "alpha: [", v1alpha1.ReasonDocument, "ConfigMap proxy, nutcracker.yml: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := shard(tt.pool)
			r, err := Rule(a, door)
			if err != nil {
				t.Fatal(err)
			}
			p := Decide(State{Ambassador: a, Rule: r, Nutcracker: tt.file})
			if tt.reason != "" {
				if p.Document != nil || p.Verdict.Reason != tt.reason || !strings.Contains(p.Verdict.Message, tt.message) {
					t.Errorf("verdict = %+v", p.Verdict)
				}
				return
			}
			l, pool := p.Document.Listeners[0], p.Document.Pools[0]
			if l.Address != "127.0.0.1:8000" || len(p.Document.Pools) != 1 || len(pool.Endpoints) != 2 || pool.Endpoints[0].Name != "one" || !pool.Balance.Compatible {
				t.Errorf("document = %+v", p.Document)
			}
		})
	}
}
