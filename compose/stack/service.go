package stack

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
)

// workload tells whether o runs pods.
func workload(o Object) bool {
	switch refOf(o).Kind {
	case "Deployment", "DaemonSet", "Job", kindCronJob:
		return true
	}
	return false
}

// service says how one service of a workload is. have is nil when that does not
// exist yet.
func service(s State, name string, want *unstructured.Unstructured, have Object, pending bool, refused Refusal) (v1alpha1.ServiceStatus, time.Duration) {
	ref := refOf(want)
	sv := v1alpha1.ServiceStatus{Name: name, Kind: ref.Kind, Image: imageOf(want, name), Wanted: wantedReplicas(want)}
	sv.Addresses = addresses(s, name)
	r := rolloutOf(have, &sv)
	if all := ServicesOf(want); len(all) > 1 {
		r = r.alone(podsOf(s, name), &sv)
		if all[0] != name {
			sv.Host = all[0]
		}
	}
	var t trouble
	switch {
	case ref.Kind == kindCronJob && refused.Reason == "":
		t = scheduled(want)
	case refused.Reason != "":
		t = trouble{state: v1alpha1.ServiceFailed, reason: refused.Reason, message: refused.Message}
	case pending || have == nil || have.GetDeletionTimestamp() != nil:
		t = r.progress(sv)
	case r.over != nil:
		t = *r.over
	default:
		t = worst(podsOf(s, name), s, r, sv)
	}
	sv.State, sv.Reason, sv.Message = t.state, t.reason, t.message
	return sv, t.wake
}

// A rollout is what a workload says of itself.
type rollout struct {
	done     bool     // all wanted replicas are new and ready
	replaced bool     // all are new, ready or not
	stuck    *trouble // what its controller complains of
	over     *trouble // a Job that has ended
}

// progress is the state of a service about whose pods nothing is wrong.
func (r rollout) progress(sv v1alpha1.ServiceStatus) trouble {
	return trouble{
		state: v1alpha1.ServiceProgressing, reason: v1alpha1.ReasonRollingOut,
		message: fmt.Sprintf("%d of %d ready", sv.Ready, sv.Wanted),
	}
}

// rolloutOf reads a workload and fills in the counts of sv.
func rolloutOf(o Object, sv *v1alpha1.ServiceStatus) rollout {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return deployment(o, sv)
	case *appsv1.DaemonSet:
		st := o.Status
		if st.ObservedGeneration > 0 {
			sv.Wanted, sv.Ready = st.DesiredNumberScheduled, st.NumberReady
		}
		r := rollout{replaced: st.ObservedGeneration >= o.Generation && st.UpdatedNumberScheduled >= sv.Wanted}
		r.done = r.replaced && st.NumberAvailable >= sv.Wanted
		return r
	case *batchv1.Job:
		return job(o, sv)
	}
	return rollout{}
}

func deployment(d *appsv1.Deployment, sv *v1alpha1.ServiceStatus) rollout {
	st := d.Status
	if sv.ScaledBy = scaler(d); sv.ScaledBy != "" && d.Spec.Replicas != nil {
		sv.Wanted = *d.Spec.Replicas
	}
	sv.Ready = st.ReadyReplicas
	r := rollout{replaced: st.ObservedGeneration >= d.Generation && st.UpdatedReplicas >= sv.Wanted && st.Replicas <= st.UpdatedReplicas}
	r.done = r.replaced && st.AvailableReplicas >= sv.Wanted
	for _, c := range st.Conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue,
			c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse:
			r.stuck = &trouble{state: v1alpha1.ServiceFailed, reason: c.Reason, message: c.Message}
		}
	}
	return r
}

func job(j *batchv1.Job, sv *v1alpha1.ServiceStatus) rollout {
	sv.Ready = j.Status.Succeeded
	for _, c := range j.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobComplete:
			sv.Ready = max(sv.Ready, sv.Wanted)
			return rollout{done: true, over: &trouble{state: v1alpha1.ServiceCompleted}}
		case c.Type == batchv1.JobFailed:
			return rollout{stuck: &trouble{state: v1alpha1.ServiceFailed, reason: c.Reason, message: c.Message}}
		}
	}
	return rollout{}
}

// scheduled is the state of a job, which is ready as soon as it is there: it
// has no pods before it is started.
func scheduled(want *unstructured.Unstructured) trouble {
	if suspended, _, _ := unstructured.NestedBool(want.Object, "spec", "suspend"); suspended {
		return trouble{state: v1alpha1.ServiceReady, message: "runs when it is started"}
	}
	schedule, _, _ := unstructured.NestedString(want.Object, "spec", "schedule")
	return trouble{state: v1alpha1.ServiceReady, message: "runs at " + schedule}
}

func serviceName(o Object) string {
	if name := o.GetLabels()[v1alpha1.ServiceLabel]; name != "" {
		return name
	}
	return o.GetName()
}

// wantedReplicas reads what the file asks for; one when it does not say.
func wantedReplicas(o *unstructured.Unstructured) int32 {
	if o.GetKind() == kindCronJob {
		return 0
	}
	for _, field := range []string{"replicas", "completions"} {
		if n, ok, _ := unstructured.NestedInt64(o.Object, "spec", field); ok {
			return int32(n)
		}
	}
	return 1
}

// imageOf returns the image of a service: that of the container of its name, or
// of the only one.
func imageOf(o *unstructured.Unstructured, service string) string {
	at := []string{"spec", "template", "spec"}
	if o.GetKind() == kindCronJob {
		at = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	image := ""
	for _, list := range []string{"initContainers", "containers"} {
		all, _, _ := unstructured.NestedSlice(o.Object, append(at, list)...)
		for _, item := range all {
			c, _ := item.(map[string]any)
			its, _ := c["image"].(string)
			switch {
			case c["name"] == service:
				return its
			case list == "containers" && image == "":
				image = its
			}
		}
	}
	return image
}

// addresses lists where the published ports of a service answer.
func addresses(s State, name string) []string {
	var all []string
	for _, o := range s.Seen {
		svc, ok := o.(*corev1.Service)
		if !ok || svc.Spec.Type != corev1.ServiceTypeLoadBalancer || serviceName(svc) != name {
			continue
		}
		for _, in := range svc.Status.LoadBalancer.Ingress {
			for _, p := range svc.Spec.Ports {
				all = append(all, address(in, p))
			}
		}
	}
	return all
}
