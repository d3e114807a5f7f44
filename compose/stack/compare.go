package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/drift"
	"nagi.dev/kube"
)

// Object is any Kubernetes object.
type Object = kube.Object

const claim = "PersistentVolumeClaim"

func refOf(o Object) Ref { return Ref{o.GetObjectKind().GroupVersionKind().Kind, o.GetName()} }

func index(objs []Object) map[Ref]Object {
	by := make(map[Ref]Object, len(objs))
	for _, o := range objs {
		by[refOf(o)] = o
	}
	return by
}

func hashOf(o Object) string { return o.GetAnnotations()[v1alpha1.HashAnnotation] }

// difference tells whether want must be applied over have, and whether that is
// because somebody changed have by hand. The fields dropped do not count.
func difference(want *unstructured.Unstructured, have Object, dropped []string) (Change, bool) {
	if handled(have) && refOf(have).Kind != claim {
		return Change{Object: want, Drift: "a field", Seize: true}, true
	}
	if want.GetAnnotations()[v1alpha1.AppliedAnnotation] != have.GetAnnotations()[v1alpha1.AppliedAnnotation] {
		return Change{Object: want}, true
	}
	got, err := runtime.DefaultUnstructuredConverter.ToUnstructured(have)
	if err != nil { // no kind of ours
		return Change{Object: want, Drift: err.Error()}, true
	}
	asked := want.Object
	if _, ok := have.(*metav1.PartialObjectMetadata); ok {
		asked = map[string]any{"metadata": asked["metadata"]}
	}
	at := drift.Find(asked, got, dropped...)
	return Change{Object: want, Drift: at}, at != ""
}

// sealed returns want with the hash of its content in AppliedAnnotation.
func sealed(want *unstructured.Unstructured) *unstructured.Unstructured {
	text, err := json.Marshal(want.Object)
	if err != nil {
		panic(fmt.Sprintf("stack: encode %s: %v", refOf(want), err)) // it came out of JSON
	}
	sum := sha256.Sum256(text)
	u := want.DeepCopy()
	notes := u.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	notes[v1alpha1.AppliedAnnotation] = hex.EncodeToString(sum[:8])
	u.SetAnnotations(notes)
	return u
}

// owns tells whether st is the owner of o. Volumes have no owner: the label
// says whose they are.
func owns(st *v1alpha1.Stack, o Object) bool {
	for _, r := range o.GetOwnerReferences() {
		if r.UID == st.UID {
			return true
		}
	}
	return false
}

// ownedByEarlier tells whether o belongs to a Stack of this name that was
// deleted; the garbage collector takes it.
func ownedByEarlier(st *v1alpha1.Stack, o Object) bool {
	c := metav1.GetControllerOf(o)
	return c != nil && c.Kind == "Stack" && c.Name == st.Name && c.UID != st.UID
}

// ownedByAnother tells whether o belongs to something else than st.
func ownedByAnother(st *v1alpha1.Stack, o Object) bool {
	c := metav1.GetControllerOf(o)
	return c != nil && c.UID != st.UID && !ownedByEarlier(st, o)
}

// ownerRef makes st the owner of an object.
func ownerRef(st *v1alpha1.Stack) metav1.OwnerReference {
	return *metav1.NewControllerRef(st, v1alpha1.GroupVersion.WithKind("Stack"))
}
