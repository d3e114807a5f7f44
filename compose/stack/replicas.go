package stack

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
)

// withoutForeignReplicas returns want without its number of replicas when
// somebody else keeps that of have.
func withoutForeignReplicas(want *unstructured.Unstructured, have Object) *unstructured.Unstructured {
	if !slices.ContainsFunc(have.GetManagedFields(), Scales) {
		return want
	}
	u := want.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "spec", "replicas")
	return u
}

// Scales tells whether a field manager keeps spec.replicas in place of the
// file: whoever wrote the scale subresource, as autoscalers, kubectl scale and
// nagi scale do, or applied the field. A person's kubectl edit is a change by
// hand, which is put back.
func Scales(e metav1.ManagedFieldsEntry) bool {
	if e.Manager == v1alpha1.StackOwner || e.Subresource == "status" || e.FieldsV1 == nil {
		return false
	}
	return (e.Operation == metav1.ManagedFieldsOperationApply || e.Subresource == "scale") && namesReplicas(e.FieldsV1)
}

// scaler names who keeps the number of replicas of o; "": the file.
func scaler(o Object) string {
	for _, e := range o.GetManagedFields() {
		if Scales(e) {
			return shorten(e.Manager, 128)
		}
	}
	return ""
}

func namesReplicas(f *metav1.FieldsV1) bool {
	var fields struct {
		Spec struct {
			Replicas json.RawMessage `json:"f:replicas"`
		} `json:"f:spec"`
	}
	return json.Unmarshal(f.GetRawBytes(), &fields) == nil && fields.Spec.Replicas != nil
}
