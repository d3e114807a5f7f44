package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestUnstructuredHoldsOnlyWhatIsAskedFor(t *testing.T) {
	d := &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}}},
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(2)), Paused: true},
		Status:     appsv1.DeploymentStatus{Replicas: 2},
	}
	u, err := Unstructured(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := u.Object["status"]; ok {
		t.Error("it has a status")
	}
	if d := cmp.Diff(map[string]any{"name": "web"}, u.Object["metadata"]); d != "" {
		t.Errorf("metadata (-want +got):\n%s", d)
	}
	if n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas"); n != 2 {
		t.Errorf("replicas = %d", n)
	}
}

func TestUnstructuredCopies(t *testing.T) {
	in := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "status": map[string]any{"phase": "x"}, "spec": map[string]any{"a": nil}}}
	u, err := Unstructured(in)
	if err != nil {
		t.Fatal(err)
	}
	if in.Object["status"] == nil || u.Object["status"] != nil {
		t.Errorf("in = %v, out = %v", in.Object, u.Object)
	}
	if spec := u.Object["spec"].(map[string]any); len(spec) != 0 {
		t.Errorf("a null was kept: %v", spec)
	}
}

func TestUnstructuredNeedsAKind(t *testing.T) {
	_, err := Unstructured(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}})
	if err == nil || !strings.Contains(err.Error(), "no kind") {
		t.Errorf("err = %v", err)
	}
}

func TestTrimDropsManagedFieldsUnlessToldOtherwise(t *testing.T) {
	pod := func() *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}}}}
	}
	p := pod()
	if _, err := trim(nil)(p); err != nil || p.ManagedFields != nil {
		t.Errorf("err = %v, managedFields = %v", err, p.ManagedFields)
	}
	p = pod()
	if _, err := trim(func(o Object) { o.SetName("trimmed") })(p); err != nil || p.ManagedFields == nil || p.Name != "trimmed" {
		t.Errorf("err = %v, pod = %+v", err, p.ObjectMeta)
	}
}
