package stack

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
)

// withoutForeignReplicas returns want without its number of replicas when an
// autoscaler owns that of have.
func withoutForeignReplicas(want *unstructured.Unstructured, have Object) *unstructured.Unstructured {
	if !slices.ContainsFunc(have.GetManagedFields(), scales) {
		return want
	}
	u := want.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "spec", "replicas")
	return u
}

// scales tells whether a field manager owns spec.replicas for good: an
// autoscaler, which writes the scale subresource, or someone who applied the
// field. A person's kubectl scale or edit is a change by hand.
func scales(e metav1.ManagedFieldsEntry) bool {
	if e.Manager == v1alpha1.StackOwner || e.Subresource == "status" || e.FieldsV1 == nil {
		return false
	}
	applied := e.Operation == metav1.ManagedFieldsOperationApply
	scaler := e.Subresource == "scale" && !strings.HasPrefix(e.Manager, "kubectl")
	return (applied || scaler) && namesReplicas(e.FieldsV1)
}

func namesReplicas(f *metav1.FieldsV1) bool {
	var fields struct {
		Spec struct {
			Replicas json.RawMessage `json:"f:replicas"`
		} `json:"f:spec"`
	}
	return json.Unmarshal(f.GetRawBytes(), &fields) == nil && fields.Spec.Replicas != nil
}

// keepScalers drops all of managedFields but who scales o.
func keepScalers(o Object) {
	o.SetManagedFields(slices.DeleteFunc(slices.Clone(o.GetManagedFields()), func(e metav1.ManagedFieldsEntry) bool {
		return !scales(e)
	}))
}
