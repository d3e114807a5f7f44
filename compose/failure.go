package compose

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

// What may be done about an update that fails.
const (
	OnFailureRollback = "rollback" // the former revision comes back
	OnFailurePause    = "pause"    // the update stands still
	OnFailureContinue = "continue" // the remaining containers are replaced too
)

// A FailurePolicy says when an update has failed and what to do then. It
// stands in UpdateAnnotation of the workload.
type FailurePolicy struct {
	OnFailure string          `json:"onFailure"`
	Monitor   metav1.Duration `json:"monitor"`  // how long new containers are watched once all are ready
	MaxRatio  float64         `json:"maxRatio"` // share of new containers that may fail, 0 to 1

	// Back says the same of going back, after OnFailureRollback; nil: nothing.
	Back *FailurePolicy `json:"back,omitempty"`
}

// defaultMonitor is that of docker's own services.
const defaultMonitor = 5 * time.Second

// failurePolicy returns what the file says about a failed update; nil: nothing.
func failurePolicy(u *types.UpdateConfig) *FailurePolicy {
	if u == nil || u.FailureAction == "" {
		return nil
	}
	p := &FailurePolicy{OnFailure: u.FailureAction, Monitor: metav1.Duration{Duration: time.Duration(u.Monitor)}, MaxRatio: float64(u.MaxFailureRatio)}
	if p.Monitor.Duration <= 0 {
		p.Monitor.Duration = defaultMonitor
	}
	return p
}

// watchUpdate marks a workload so that the controller can tell whether an
// update of it fails. Without a policy it gets no mark: Kubernetes alone then
// keeps the old containers until the new ones are ready.
func watchUpdate(s types.ServiceConfig, meta *metav1.ObjectMeta, t *corev1.PodTemplateSpec) {
	p := failurePolicy(deployOf(s).UpdateConfig)
	if p == nil {
		return
	}
	if p.OnFailure == OnFailureRollback {
		p.Back = failurePolicy(deployOf(s).RollbackConfig)
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("marshal failure policy: %v", err)) // it holds only words and numbers
	}
	meta.Annotations = withMark(meta.Annotations, v1alpha1.UpdateAnnotation, string(text))
	t.Annotations = withMark(t.Annotations, v1alpha1.TemplateAnnotation, hashOf(*t))
}

// FailurePolicyOf reads what watchUpdate wrote; false: nothing that it wrote.
func FailurePolicyOf(annotations map[string]string) (FailurePolicy, bool) {
	var p FailurePolicy
	text, ok := annotations[v1alpha1.UpdateAnnotation]
	return p, ok && json.Unmarshal([]byte(text), &p) == nil
}

// judgeBack looks at what counts only when an update goes back by itself.
func judgeBack(a attribute) (Verdict, string) {
	if u := deployOf(a.service).UpdateConfig; u == nil || u.FailureAction != OnFailureRollback {
		return Approximated, `counts only beside "failure_action: rollback" of update_config; nagi rollback is an update like any other`
	}
	return judgeMonitor(a)
}

// judgeMonitor looks at what counts only for a failure_action.
func judgeMonitor(a attribute) (Verdict, string) {
	if a.parent.get("failure_action") != nil {
		return Applied, ""
	}
	return Approximated, `counts only with "failure_action"; without, Kubernetes keeps the old containers until the new ones are ready`
}
