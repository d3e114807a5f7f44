package verdict

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Verdict is how an object is. Progressing and Stalled may both be false:
// then it is as it will stay.
type Verdict struct {
	Ready, Progressing, Stalled bool
	Reason                      string // one word
	Message                     string // for a person; no line breaks
}

// Write brings conditions to what v says. What stays as it was keeps its time.
func (v Verdict) Write(conditions *[]metav1.Condition, generation int64, now time.Time) {
	for _, c := range []struct {
		kind string
		is   bool
	}{{"Ready", v.Ready}, {"Progressing", v.Progressing}, {"Stalled", v.Stalled}} {
		status := metav1.ConditionFalse
		if c.is {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(conditions, metav1.Condition{
			Type: c.kind, Status: status, Reason: v.Reason, Message: v.Message,
			ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
}
