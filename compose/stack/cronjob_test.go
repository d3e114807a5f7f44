package stack

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

// A job counts as ready when it can be started, however many schedules it has.
func TestAJobIsOneReadyServiceWhateverItsSchedules(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"nightly", "nightly-2"} {
		w.file.add(&batchv1.CronJob{
			TypeMeta: kind("batch/v1", kindCronJob), ObjectMeta: named(name, "nightly"),
			Spec: batchv1.CronJobSpec{Schedule: "0 3 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "nightly", Image: "busybox"}}},
			}}}},
		})
	}
	w.settle()
	var got []v1alpha1.ServiceStatus
	for _, s := range w.status().Services {
		if s.Name == "nightly" {
			s.Since, s.Updated, s.Revision = metav1.Time{}, metav1.Time{}, 0
			got = append(got, s)
		}
	}
	want := []v1alpha1.ServiceStatus{{Name: "nightly", Kind: kindCronJob, State: v1alpha1.ServiceReady, Message: "runs at 0 3 * * *", Image: "busybox"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
