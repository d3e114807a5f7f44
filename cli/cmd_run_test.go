package cli

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

func shopJob(name, service string, annotations map[string]string) batchv1.CronJob {
	return batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: "1", Annotations: annotations,
		Labels: map[string]string{v1alpha1.StackLabel: "shop", v1alpha1.ServiceLabel: service},
	}}
}

func TestJobsAreFoundByTheNameInTheFile(t *testing.T) {
	c := answers(t, map[string]any{"/apis/batch/v1/namespaces/shop/cronjobs": batchv1.CronJobList{Items: []batchv1.CronJob{
		shopJob("nightly-2", "nightly", nil),
		shopJob("own", "own", map[string]string{v1alpha1.ManualAnnotation: "false"}),
	}}})
	s := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "shop"}}
	for _, tt := range []struct{ name, job, want, fault string }{
		{"any schedule of a job will do", "nightly", "nightly-2", ""},
		{"one that only its schedule may start is refused", "own", "", `start job own: its file says "manual: false": only its schedule starts it`},
		{"one that is not there is named beside those that are", "migrate", "", "start job migrate: stack shop has none of that name; it has nightly, own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.jobOf(t.Context(), s, tt.job)
			if tt.fault != "" {
				if err == nil || err.Error() != tt.fault {
					t.Errorf("got %v, want %s", err, tt.fault)
				}
				return
			}
			if err != nil || got.Name != tt.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestAJobEndsOnce(t *testing.T) {
	cond := func(kind batchv1.JobConditionType, message string) *batchv1.Job {
		return &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue, Message: message}}}}
	}
	for _, tt := range []struct {
		name   string
		job    *batchv1.Job
		done   bool
		reason string
	}{
		{"one that runs goes on", &batchv1.Job{}, false, ""},
		{"one that is suspended goes on", cond(batchv1.JobSuspended, ""), false, ""},
		{"one that is complete has no reason", cond(batchv1.JobComplete, "fine"), true, ""},
		{"one that failed has one", cond(batchv1.JobFailed, "it has reached the limit"), true, "it has reached the limit"},
		{"one that failed without a word has one too", cond(batchv1.JobFailed, ""), true, "no reason given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if done, reason := jobEnd(tt.job); done != tt.done || reason != tt.reason {
				t.Errorf("got %v, %q", done, reason)
			}
		})
	}
}
