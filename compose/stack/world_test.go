package stack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// A world is a cluster with one stack, in memory.
type world struct {
	t       *testing.T
	stack   *v1alpha1.Stack
	file    *file
	seen    []Object
	pods    []*corev1.Pod
	warned  map[types.UID]string
	refused map[Ref]Refusal
	invalid string
	now     time.Time

	revisions []Revision
	former    map[string][]*unstructured.Unstructured
}

// newWorld holds a stack of a web server with a volume and a job, and nothing
// of it made yet.
func newWorld(t *testing.T) *world {
	st := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "shop", UID: "stack-1", Generation: 3}}
	f := &file{}
	f.add(&corev1.PersistentVolumeClaim{TypeMeta: kind("v1", claim), ObjectMeta: named("data", "")})
	f.add(&corev1.Service{
		TypeMeta: kind("v1", "Service"), ObjectMeta: named("web", "web"),
		Spec: corev1.ServiceSpec{ClusterIP: "None", Selector: map[string]string{v1alpha1.ServiceLabel: "web"}},
	})
	f.add(&appsv1.Deployment{
		TypeMeta: kind("apps/v1", "Deployment"), ObjectMeta: named("web", "web"),
		Spec: appsv1.DeploymentSpec{Replicas: new(int32(2)), Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
		}},
	})
	f.job("migrate", "hash-1")
	return &world{t: t, stack: st, file: f, now: noon, warned: map[types.UID]string{}}
}

func (w *world) state() State {
	s := State{Stack: w.stack, Seen: w.seen, Pods: w.pods, Warnings: w.warned, Refused: w.refused, Invalid: w.invalid, Now: w.now, Revisions: w.revisions, Former: w.former}
	if w.invalid != "" {
		return s
	}
	tr := translator{objects: func(*v1alpha1.Stack) ([]Object, error) { return w.file.objs, nil }}
	var err error
	if s.Wanted, err = tr.wanted(w.stack); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// status is what the next pass would write, or what stands already.
func (w *world) status() v1alpha1.StackStatus {
	if p := Decide(w.state()); p.Status != nil {
		return *p.Status
	}
	return w.stack.Status
}

// settle carries out what Decide plans, as a cluster without controllers does.
func (w *world) settle() {
	p := Decide(w.state())
	w.keep(p)
	for _, c := range p.Apply {
		w.put(c.Object)
	}
	for _, o := range p.Adopt {
		o.SetOwnerReferences([]metav1.OwnerReference{ownerRef(w.stack)})
	}
	if p.Status != nil {
		w.stack.Status = *p.Status
	}
}

// keep makes the revision that a plan records, and notes outcomes.
func (w *world) keep(p Plan) {
	if p.Record != nil {
		r := *p.Record
		r.Object = &metav1.PartialObjectMetadata{TypeMeta: kind("apps/v1", "ControllerRevision"), ObjectMeta: named(fmt.Sprint("shop-", r.Number), "")}
		w.revisions = append(w.revisions, r)
	}
	if len(p.Ended) > 0 {
		w.revisions[len(w.revisions)-1].Outcomes = p.Outcomes
	}
}

func (w *world) put(u *unstructured.Unstructured) {
	o, err := kube.Scheme().New(u.GroupVersionKind())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o); err != nil {
		w.t.Fatal(err)
	}
	obj := o.(Object)
	if have := w.find(refOf(u).Kind, u.GetName()); have != nil {
		obj.SetManagedFields(have.GetManagedFields())
		w.drop(refOf(u).Kind, u.GetName())
	}
	w.seen = append(w.seen, obj)
}

func (w *world) find(kind, name string) Object { return index(w.seen)[Ref{kind, name}] }

func (w *world) drop(kind, name string) {
	w.seen = slices.DeleteFunc(w.seen, func(o Object) bool { return refOf(o) == Ref{kind, name} })
}

func (w *world) deployment(name string) *appsv1.Deployment {
	return w.find("Deployment", name).(*appsv1.Deployment)
}

// ready plays the controllers: every workload is as it should be.
func (w *world) ready() {
	d := w.deployment("web")
	n := *d.Spec.Replicas
	d.Status = appsv1.DeploymentStatus{Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	j := w.find("Job", "migrate").(*batchv1.Job)
	j.Status = batchv1.JobStatus{Succeeded: 1, Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}
	if p := Decide(w.state()); p.Status != nil {
		w.stack.Status = *p.Status
	}
}

// autoscale plays a HorizontalPodAutoscaler.
func (w *world) autoscale(name string, n int32) {
	d := w.deployment(name)
	d.Spec.Replicas = new(n)
	d.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate,
		Subresource: "scale", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
	}}
}

// names makes the Stack refer to the ConfigMap called name.
func (w *world) names(name string) {
	w.stack.Spec.Assets = append(w.stack.Spec.Assets, v1alpha1.Asset{
		Key: "config/" + name, Kind: "ConfigMap",
		Objects: []v1alpha1.AssetObject{{Name: name}},
	})
}

// asset lays down a ConfigMap, as a deploy does; the stack owns it already
// when adopted.
func (w *world) asset(name string, adopted bool) {
	m := &metav1.PartialObjectMetadata{TypeMeta: kind("v1", "ConfigMap"), ObjectMeta: named(name, "")}
	m.CreationTimestamp = metav1.NewTime(noon)
	if adopted {
		m.OwnerReferences = []metav1.OwnerReference{ownerRef(w.stack)}
	}
	w.seen = append(w.seen, m)
}

// A file is what compose would make of a compose text.
type file struct{ objs []Object }

func (f *file) add(o Object) { f.objs = append(f.objs, o) }

func (f *file) without(kind, name string) *file {
	f.objs = slices.DeleteFunc(f.objs, func(o Object) bool { return refOf(o) == Ref{kind, name} })
	return f
}

func (f *file) job(name, hash string) {
	f.without("Job", name)
	j := &batchv1.Job{TypeMeta: kind("batch/v1", "Job"), ObjectMeta: named(name, name)}
	j.Annotations = map[string]string{v1alpha1.HashAnnotation: hash}
	f.add(j)
}

func kind(version, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version, Kind: kind}
}

func named(name, service string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.StackLabel: "shop", v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}}
	if service != "" {
		m.Labels[v1alpha1.ServiceLabel] = service
	}
	return m
}

// actions prints a plan, without its status.
func actions(p Plan) []string {
	var all []string
	for _, o := range p.Adopt {
		all = append(all, "adopt "+refOf(o).String())
	}
	for _, c := range p.Apply {
		line := "apply " + refOf(c.Object).String()
		if c.Drift != "" {
			line += fmt.Sprintf(": %s by hand", c.Drift)
		}
		all = append(all, line)
	}
	for _, o := range p.Recreate {
		all = append(all, "recreate "+refOf(o).String())
	}
	for _, o := range p.Delete {
		all = append(all, "delete "+refOf(o).String())
	}
	return all
}
