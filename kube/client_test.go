package kube_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/internal/kubetest"
	"nagi.dev/kube"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

func TestApplyTakesAwayWhatItsOwnerNoLongerNames(t *testing.T) {
	c, ns := client(t)
	apply(t, c, ns, map[string]string{"a": "1", "b": "2"})
	other := get(t, c, ns)
	other.Data["c"] = "3"
	if err := c.Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	apply(t, c, ns, map[string]string{"a": "9"})
	got := get(t, c, ns).Data
	if len(got) != 2 || got["a"] != "9" || got["c"] != "3" {
		t.Errorf("data = %v, want our a and the other's c", got)
	}
}

func TestApplyOfTheSameChangesNothing(t *testing.T) {
	c, ns := client(t)
	apply(t, c, ns, map[string]string{"a": "1"})
	before := get(t, c, ns).ResourceVersion
	writes := c.Writes()
	apply(t, c, ns, map[string]string{"a": "1"})
	if get(t, c, ns).ResourceVersion != before {
		t.Error("the object was written anew")
	}
	if n := c.Writes() - writes; n != 1 {
		t.Errorf("%d writes were counted, want 1", n)
	}
}

func TestPruneSparesAnObjectThatWasReplaced(t *testing.T) {
	c, ns := client(t)
	apply(t, c, ns, nil)
	old := get(t, c, ns)
	if err := c.Prune(t.Context(), false, old); err != nil {
		t.Fatal(err)
	}
	apply(t, c, ns, nil)
	if err := c.Prune(t.Context(), false, old); err != nil {
		t.Fatal(err)
	}
	now := get(t, c, ns)
	if err := c.Prune(t.Context(), false, now, now); err != nil {
		t.Errorf("delete twice: %v", err)
	}
	err := c.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: "conf"}, &corev1.ConfigMap{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("err = %v, want it gone", err)
	}
}

func client(t *testing.T) (*kube.Client, string) {
	t.Helper()
	cfg := kubetest.Start(t)
	c, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, kubetest.Namespace(t, cfg, "kube")
}

func apply(t *testing.T, c *kube.Client, ns string, data map[string]string) {
	t.Helper()
	err := c.Apply(t.Context(), "test", &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "conf", Namespace: ns}, Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c *kube.Client, ns string) *corev1.ConfigMap {
	t.Helper()
	var m corev1.ConfigMap
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: "conf"}, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}
