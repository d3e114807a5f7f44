package cli

import (
	"context"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
)

// foreign lists the workloads that belong to no stack.
func (c cluster) foreign(ctx context.Context, namespace string) ([]psRow, error) {
	o := metav1.ListOptions{LabelSelector: "!" + v1alpha1.StackLabel}
	deployments, err := c.AppsV1().Deployments(namespace).List(ctx, o)
	if err != nil {
		return nil, plain("list deployments", err)
	}
	sets, err := c.AppsV1().StatefulSets(namespace).List(ctx, o)
	if err != nil {
		return nil, plain("list stateful sets", err)
	}
	daemons, err := c.AppsV1().DaemonSets(namespace).List(ctx, o)
	if err != nil {
		return nil, plain("list daemon sets", err)
	}
	jobs, err := c.BatchV1().Jobs(namespace).List(ctx, o)
	if err != nil {
		return nil, plain("list jobs", err)
	}
	return foreignRows(deployments.Items, sets.Items, daemons.Items, jobs.Items), nil
}

func foreignRows(deployments []appsv1.Deployment, sets []appsv1.StatefulSet, daemons []appsv1.DaemonSet, jobs []batchv1.Job) []psRow {
	var rows []psRow
	for _, w := range deployments {
		rows = append(rows, foreignRow(w.ObjectMeta, "Deployment", w.Status.ReadyReplicas, orOne(w.Spec.Replicas), w.Spec.Template))
	}
	for _, w := range sets {
		rows = append(rows, foreignRow(w.ObjectMeta, "StatefulSet", w.Status.ReadyReplicas, orOne(w.Spec.Replicas), w.Spec.Template))
	}
	for _, w := range daemons {
		rows = append(rows, foreignRow(w.ObjectMeta, "DaemonSet", w.Status.NumberReady, w.Status.DesiredNumberScheduled, w.Spec.Template))
	}
	for _, w := range jobs {
		r := foreignRow(w.ObjectMeta, "Job", w.Status.Succeeded, orOne(w.Spec.Completions), w.Spec.Template)
		if r.State == v1alpha1.ServiceReady {
			r.State = v1alpha1.ServiceCompleted
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b psRow) int {
		return strings.Compare(a.Namespace+"/"+a.Service, b.Namespace+"/"+b.Service)
	})
	return rows
}

func foreignRow(m metav1.ObjectMeta, kind string, ready, wanted int32, t corev1.PodTemplateSpec) psRow {
	r := psRow{
		Namespace: m.Namespace, Service: m.Name, Kind: kind, State: v1alpha1.ServiceProgressing,
		Ready: ready, Wanted: wanted, Since: m.CreationTimestamp.Time,
	}
	if ready >= wanted {
		r.State = v1alpha1.ServiceReady
	}
	if len(t.Spec.Containers) > 0 {
		r.Image = t.Spec.Containers[0].Image
	}
	return r
}

func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}
