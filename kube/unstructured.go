package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Unstructured returns what o asks for, ready to apply: no status, no field
// that is null, nothing that only the server writes. It does not share memory
// with o.
func Unstructured(o Object) (*unstructured.Unstructured, error) {
	kind := o.GetObjectKind().GroupVersionKind()
	if kind.Empty() {
		return nil, fmt.Errorf("apply %T %s: it has no kind", o, o.GetName())
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kind.Kind, o.GetName(), err)
	}
	if _, ok := o.(*unstructured.Unstructured); ok {
		m = runtime.DeepCopyJSON(m)
	}
	delete(m, "status")
	u := &unstructured.Unstructured{Object: m}
	unstructured.RemoveNestedField(m, "metadata", "managedFields")
	dropNulls(m)
	return u, nil
}

// dropNulls removes fields that are null; to the server they would mean
// "remove", not "unset".
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
				continue
			}
			dropNulls(e)
		}
	case []any:
		for _, e := range v {
			dropNulls(e)
		}
	}
}
