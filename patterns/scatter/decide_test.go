package scatter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/plane/config"
)

func search(leaves ...v1alpha1.ScatterLeaf) *v1alpha1.ScatterGather {
	s := &v1alpha1.ScatterGather{ObjectMeta: metav1.ObjectMeta{Name: "search", Namespace: "shop"}}
	s.Spec = v1alpha1.ScatterGatherSpec{
		Leaves: leaves, Deadline: "300ms", MinCoverage: 90, Hedge: &v1alpha1.ScatterHedge{Budget: 2},
		Merge: v1alpha1.ScatterMerge{Builtin: "topK", Path: "$.hits", By: "score", Limit: 3},
	}
	return s
}

// made is a world with a StatefulSet of two, a Service without endpoints, and
// nobody ready.
func made() endpoints.World {
	port := corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}
	return endpoints.World{
		Domain:   "cluster.local",
		Services: []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Name: "index"}, Spec: port}, {ObjectMeta: metav1.ObjectMeta{Name: "news"}, Spec: port}},
		Sets:     []appsv1.StatefulSet{{ObjectMeta: metav1.ObjectMeta{Name: "index", Namespace: "shop"}, Spec: appsv1.StatefulSetSpec{Replicas: new(int32(2)), ServiceName: "index"}}},
	}
}

func TestEachReplicaAndEachServiceIsALeaf(t *testing.T) {
	s := search(
		v1alpha1.ScatterLeaf{Target: v1alpha1.Target{StatefulSet: "index"}, Weight: 2},
		v1alpha1.ScatterLeaf{Target: v1alpha1.Target{Service: "news"}}, v1alpha1.ScatterLeaf{Target: v1alpha1.Target{Address: "far:80"}},
	)
	p := Decide(State{Service: s, World: made(), Routers: 2})
	at := func(name, address string) config.Pool {
		return config.Pool{Name: name, Endpoints: []config.Endpoint{{Name: name, Address: address}}}
	}
	want := &config.Config{
		Pools: []config.Pool{
			at("index-0", "index-0.index.shop.svc.cluster.local:80"), at("index-1", "index-1.index.shop.svc.cluster.local:80"),
			{Name: "news", Endpoints: []config.Endpoint{}},
			{Name: "leaf-2", Endpoints: []config.Endpoint{{Address: "far:80"}}},
		},
		Listeners: []config.Listener{{Name: "front", Address: ":8080", Protocol: config.HTTP, Routes: []config.Route{{
			Hedge: &config.Hedge{Budget: 2},
			Scatter: &config.Scatter{
				Deadline: 300e6, MinCoverage: 0.9, Merge: config.Merge{Builtin: "topK", Path: "$.hits", By: "score", Limit: 3},
				Leaves: []config.Leaf{{Name: "index-0", Pool: "index-0", Weight: 2}, {Name: "index-1", Pool: "index-1", Weight: 2}, {Name: "news", Pool: "news"}, {Name: "leaf-2", Pool: "leaf-2"}},
			},
		}}}},
	}
	if d := cmp.Diff(want, p.Document); d != "" {
		t.Error(d)
	}
	if p.Endpoints != (v1alpha1.EndpointsStatus{Known: 4, Ready: 1}) || !p.Verdict.Ready || !p.Verdict.Progressing {
		t.Errorf("leaves = %+v, verdict = %+v", p.Endpoints, p.Verdict)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	leaf := func(target v1alpha1.Target) v1alpha1.ScatterLeaf { return v1alpha1.ScatterLeaf{Target: target} }
	for _, tt := range []struct {
		name     string
		leaves   []v1alpha1.ScatterLeaf
		routers  int32
		reason   string
		document bool
	}{
		{"a StatefulSet", []v1alpha1.ScatterLeaf{leaf(v1alpha1.Target{StatefulSet: "no"})}, 2, v1alpha1.ReasonTarget, false},
		{"a Service beside one that is", []v1alpha1.ScatterLeaf{leaf(v1alpha1.Target{Service: "no"}), leaf(v1alpha1.Target{Address: "a:1"})}, 2, v1alpha1.ReasonTarget, true},
		{"anybody who answers", []v1alpha1.ScatterLeaf{leaf(v1alpha1.Target{StatefulSet: "index"})}, 2, v1alpha1.ReasonNoEndpoints, true},
		{"a router", []v1alpha1.ScatterLeaf{leaf(v1alpha1.Target{Address: "a:1"})}, 0, v1alpha1.ReasonStarting, true},
		{"one leaf twice", []v1alpha1.ScatterLeaf{leaf(v1alpha1.Target{Service: "news"}), leaf(v1alpha1.Target{Service: "news"})}, 2, v1alpha1.ReasonDocument, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Decide(State{Service: search(tt.leaves...), World: made(), Routers: tt.routers})
			if p.Verdict.Ready || p.Verdict.Reason != tt.reason || (p.Document != nil) != tt.document {
				t.Errorf("verdict = %+v, document = %v", p.Verdict, p.Document)
			}
		})
	}
}
