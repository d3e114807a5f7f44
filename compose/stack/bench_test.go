package stack

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/kubetest"
	"nagi.dev/kube"
)

// A bench is a namespace of a real API server with one stack called shop. No
// controller but ours runs in it.
type bench struct {
	t      *testing.T
	client *kube.Client
	config *rest.Config
	ns     string
	loop   *reconciler
}

func newBench(t *testing.T, text string) *bench {
	t.Helper()
	cfg := kubetest.Start(t)
	c, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := InstallCRDs(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, client: c, config: cfg, ns: kubetest.Namespace(t, cfg, "stack")}
	b.loop = &reconciler{
		kube: c, record: func(Object, bool, string, string) {}, log: slog.New(slog.DiscardHandler), now: time.Now,
		translator: &translator{objects: fromCompose(Options{}), back: backFromCompose(Options{})},
	}
	b.create(&v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: b.ns}, Spec: v1alpha1.StackSpec{Compose: "name: shop\n" + text}})
	return b
}

// pass reconciles once and returns how often that wrote.
func (b *bench) pass() int64 {
	b.t.Helper()
	before := b.client.Writes()
	if _, err := b.loop.reconcile(b.t.Context(), types.NamespacedName{Namespace: b.ns, Name: "shop"}); err != nil {
		b.t.Fatal(err)
	}
	return b.client.Writes() - before
}

// run runs the controller as the platform does, until the test ends.
func (b *bench) run() {
	done := make(chan error, 1)
	go func() {
		done <- kube.RunControllers(b.t.Context(), b.config, slog.New(slog.DiscardHandler), Controller(Options{}))
	}()
	b.t.Cleanup(func() {
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
}

// until asks again and again, for what the controller does comes when it comes.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	err := wait.PollUntilContextTimeout(b.t.Context(), 20*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return ok(), nil })
	if err != nil {
		b.t.Fatalf("never seen: %s", what)
	}
}

func (b *bench) stack() *v1alpha1.Stack { return b.get(&v1alpha1.Stack{}, "shop").(*v1alpha1.Stack) }

func (b *bench) compose(text string) {
	st := b.stack()
	st.Spec.Compose = "name: shop\n" + text
	b.update(st)
}

// names makes the stack refer to one asset.
func (b *bench) names(asset string) {
	st := b.stack()
	st.Spec.Assets = []v1alpha1.Asset{{
		Key: "config/conf", Kind: "ConfigMap",
		Objects: []v1alpha1.AssetObject{{Name: asset, Items: []v1alpha1.AssetItem{{Key: "f0", Path: "conf"}}}},
	}}
	b.update(st)
}

func (b *bench) asset(name string) {
	m := &corev1.ConfigMap{ObjectMeta: named(name, ""), Data: map[string]string{"f0": "x"}}
	m.Namespace = b.ns
	b.create(m)
}

// scale sets the replicas of a deployment as manager.
func (b *bench) scale(name string, n int32, manager string) {
	b.t.Helper()
	c, err := kubernetes.NewForConfig(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	want := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: b.ns}, Spec: autoscalingv1.ScaleSpec{Replicas: n}}
	if _, err := c.AppsV1().Deployments(b.ns).UpdateScale(b.t.Context(), name, want, metav1.UpdateOptions{FieldManager: manager}); err != nil {
		b.t.Fatal(err)
	}
}

// kubectl patches an object as a person does.
func (b *bench) kubectl(kind, version, name, patch string) {
	b.t.Helper()
	c, err := dynamic.NewForConfig(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	group, err := schema.ParseGroupVersion(version)
	if err != nil {
		b.t.Fatal(err)
	}
	at := group.WithResource(strings.ToLower(kind) + "s")
	_, err = c.Resource(at).Namespace(b.ns).Patch(b.t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		b.t.Fatal(err)
	}
}

// revisions are those that the stack keeps.
func (b *bench) revisions() []Revision {
	b.t.Helper()
	var l appsv1.ControllerRevisionList
	if err := b.client.List(b.t.Context(), &l, kube.InNamespace(b.ns)); err != nil {
		b.t.Fatal(err)
	}
	var objs []Object
	for i := range l.Items {
		l.Items[i].SetGroupVersionKind(revisionKind)
		objs = append(objs, &l.Items[i])
	}
	return RevisionsOf(b.stack(), objs...)
}

// ready plays the deployment controller.
func (b *bench) ready(name string) {
	b.t.Helper()
	before := b.get(&appsv1.Deployment{}, name).(*appsv1.Deployment)
	d, n := before.DeepCopy(), *before.Spec.Replicas
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	if err := b.client.PatchStatus(b.t.Context(), before, d); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) get(o Object, name string) Object {
	b.t.Helper()
	if err := b.client.Get(b.t.Context(), types.NamespacedName{Namespace: b.ns, Name: name}, o); err != nil {
		b.t.Fatal(err)
	}
	return o
}

func (b *bench) has(o Object, name string) bool {
	return b.client.Get(b.t.Context(), types.NamespacedName{Namespace: b.ns, Name: name}, o) == nil
}

func (b *bench) gone(o Object, name string) {
	b.t.Helper()
	if b.has(o, name) {
		b.t.Errorf("%T %s is still there", o, name)
	}
}

func (b *bench) create(o Object) {
	b.t.Helper()
	if err := b.client.Create(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) update(o Object) {
	b.t.Helper()
	if err := b.client.Update(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(o Object) {
	b.t.Helper()
	if err := b.client.Prune(b.t.Context(), false, o); err != nil {
		b.t.Fatal(err)
	}
}
