package compose

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

const (
	kindDeployment = "Deployment"
	kindDaemonSet  = "DaemonSet"
	kindJob        = "Job"
)

// keptRevisions is how many old ReplicaSets of a Deployment stay.
const keptRevisions = 3

// jobAttempts is how often a Job tries again when the file does not say; it is
// Kubernetes' own default.
const jobAttempts = 6

// workloads returns one Deployment, DaemonSet, Job or CronJob a service that
// joins no other, each after those it depends on.
func (m *maker) workloads() []Object {
	var objs []Object
	for _, service := range m.dependencyOrder() {
		objs = append(objs, m.workload(m.project.Services[service])...)
	}
	return objs
}

// dependencyOrder returns the services that have pods, each after those it and
// its mates depend on, otherwise by name.
func (m *maker) dependencyOrder() []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(service string) {
		host := m.hostOf(service)
		if _, ok := m.project.Services[host]; !ok || seen[host] {
			return
		}
		seen[host] = true
		for _, mate := range m.mates(host) {
			for _, on := range slices.Sorted(maps.Keys(mate.DependsOn)) {
				visit(on)
			}
		}
		order = append(order, host)
	}
	for _, service := range m.serviceKeys() {
		visit(service)
	}
	return order
}

// kind returns the kind of a service's workload. A service whose end another
// one waits for is a Job, whatever its mode.
func (m *maker) kind(s types.ServiceConfig) string {
	mode := deployOf(s).Mode
	switch {
	case isJob(s):
		return kindCronJob
	case m.awaited[s.Name], mode == "replicated-job", mode == "global-job":
		return kindJob
	case mode == "global":
		return kindDaemonSet
	}
	return kindDeployment
}

func (m *maker) workload(s types.ServiceConfig) []Object {
	template, mates := m.template(s), m.mates(s.Name)
	hash := hashOf(template)
	meta := m.meta(m.names[s.Name], m.names[s.Name])
	for _, mate := range mates {
		m.hashes[mate.Name] = hash
		if mate.Name != s.Name {
			markFrom(&meta, deployOf(mate).Labels)
		}
	}
	m.markMates(&meta, s, mates)
	markFrom(&meta, deployOf(s).Labels)
	kind := m.kind(s)
	if kind == kindDeployment || kind == kindDaemonSet {
		watchUpdate(s, &meta, &template)
	}
	switch kind {
	case kindCronJob:
		return m.cronJobs(s, meta, template)
	case kindJob:
		return []Object{m.job(s, meta, template)}
	case kindDaemonSet:
		return []Object{m.daemonSet(s, meta, template)}
	}
	return []Object{m.deployment(s, meta, template, mountsClaims(template.Spec))}
}

// mountsClaims tells whether a pod keeps what it writes.
func mountsClaims(pod corev1.PodSpec) bool {
	return slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.PersistentVolumeClaim != nil })
}

func (m *maker) deployment(s types.ServiceConfig, meta metav1.ObjectMeta, t corev1.PodTemplateSpec, claims bool) Object {
	return &appsv1.Deployment{
		TypeMeta:   typeMeta("apps/v1", kindDeployment),
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Replicas:             new(int32(s.GetScale())),
			Selector:             &metav1.LabelSelector{MatchLabels: m.podSelector(s.Name)},
			Template:             t,
			Strategy:             deploymentStrategy(m.updateOf(s), claims),
			MinReadySeconds:      minReadySeconds(m.updateOf(s)),
			RevisionHistoryLimit: new(int32(keptRevisions)),
		},
	}
}

func (m *maker) daemonSet(s types.ServiceConfig, meta metav1.ObjectMeta, t corev1.PodTemplateSpec) Object {
	return &appsv1.DaemonSet{
		TypeMeta:   typeMeta("apps/v1", kindDaemonSet),
		ObjectMeta: meta,
		Spec: appsv1.DaemonSetSpec{
			Selector:             &metav1.LabelSelector{MatchLabels: m.podSelector(s.Name)},
			Template:             t,
			UpdateStrategy:       daemonSetStrategy(m.updateOf(s)),
			MinReadySeconds:      minReadySeconds(m.updateOf(s)),
			RevisionHistoryLimit: new(int32(keptRevisions)),
		},
	}
}

// job returns the Job of a service. Its hash tells the controller when it has
// to be made anew: what a Job was made from cannot be changed.
func (m *maker) job(s types.ServiceConfig, meta metav1.ObjectMeta, t corev1.PodTemplateSpec) Object {
	policy, attempts := jobRestart(s)
	t.Spec.RestartPolicy = policy
	spec := batchv1.JobSpec{
		Parallelism:  new(int32(s.GetScale())),
		Completions:  new(int32(s.GetScale())),
		BackoffLimit: new(attempts),
		Template:     t,
	}
	meta.Annotations = withMark(meta.Annotations, v1alpha1.HashAnnotation, hashOf(spec))
	return &batchv1.Job{TypeMeta: typeMeta("batch/v1", kindJob), ObjectMeta: meta, Spec: spec}
}

// jobRestart returns what happens when a Job's container fails. Never starts
// another pod, so that the logs of each attempt stay.
func jobRestart(s types.ServiceConfig) (policy corev1.RestartPolicy, attempts int32) {
	condition, limit, _ := strings.Cut(s.Restart, ":")
	attempts = jobAttempts
	if n, err := strconv.ParseInt(limit, 10, 32); err == nil {
		attempts = int32(n)
	}
	if r := deployOf(s).RestartPolicy; r != nil {
		condition = r.Condition
		if r.MaxAttempts != nil {
			attempts = int32(min(*r.MaxAttempts, 1<<31-1))
		}
	}
	switch condition {
	case types.RestartPolicyNo, "none":
		return corev1.RestartPolicyNever, 0
	case "":
		return corev1.RestartPolicyNever, attempts
	}
	return corev1.RestartPolicyOnFailure, attempts
}

// deployOf returns the deploy section of a service, empty when it has none.
func deployOf(s types.ServiceConfig) types.DeployConfig {
	if s.Deploy == nil {
		return types.DeployConfig{}
	}
	return *s.Deploy
}
