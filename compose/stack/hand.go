package stack

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// byHand tells whether e are fields that a person wrote with kubectl and still
// keeps: what they added beside ours, or moved to another place in a list.
// Scaling and restarting are no changes of what the file says, labels and
// annotations of others are theirs.
func byHand(e metav1.ManagedFieldsEntry) bool {
	if !strings.HasPrefix(e.Manager, "kubectl") || e.Manager == "kubectl-rollout" ||
		e.Operation != metav1.ManagedFieldsOperationUpdate || e.Subresource != "" || e.FieldsV1 == nil {
		return false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	delete(fields, "f:metadata")
	delete(fields, "f:status")
	return len(fields) > 0
}

// handled tells whether somebody keeps fields of o by hand.
func handled(o Object) bool { return slices.ContainsFunc(o.GetManagedFields(), byHand) }

// keepManagers drops all of managedFields but who scales o or changed it by hand.
func keepManagers(o Object) {
	o.SetManagedFields(slices.DeleteFunc(slices.Clone(o.GetManagedFields()), func(e metav1.ManagedFieldsEntry) bool {
		return !Scales(e) && !byHand(e)
	}))
}
