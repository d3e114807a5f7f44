package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a machine may have no time zones of its own

	"github.com/compose-spec/compose-go/v2/types"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

const kindCronJob = "CronJob"

// triggersKey keeps the triggers of a job while it is treated as a service. No
// file can have an extension of this name.
const triggersKey = "#triggers"

// prepare returns the project as the rest of this room takes it: jobs stand
// among the services, and what services take from others is written out. The
// project itself stays as it is; to prepare one twice changes nothing.
func prepare(p *types.Project) *types.Project {
	out := *p
	out.Services, out.Jobs = maps.Clone(p.Services), nil
	if out.Services == nil {
		out.Services = types.Services{}
	}
	for name, j := range p.Jobs {
		if _, taken := out.Services[name]; !taken {
			out.Services[name] = jobService(name, j)
		}
	}
	takeVolumes(&out)
	return &out
}

// jobService returns a job as a service that carries its triggers.
func jobService(name string, j types.JobConfig) types.ServiceConfig {
	t := types.TriggerConfig{}
	if j.Triggers != nil {
		t = *j.Triggers
	}
	extensions := types.Extensions{triggersKey: t}
	maps.Copy(extensions, j.Extensions)
	return types.ServiceConfig{
		Name: name, Profiles: j.Profiles, ContainerSpec: j.ContainerSpec, WorkloadSpec: j.WorkloadSpec, Extensions: extensions,
	}
}

// serviceJob is the way back.
func serviceJob(s types.ServiceConfig) types.JobConfig {
	t, _ := triggersOf(s)
	return types.JobConfig{Profiles: s.Profiles, Triggers: &t, ContainerSpec: s.ContainerSpec, WorkloadSpec: s.WorkloadSpec}
}

// asWritten returns a prepared project as a file has it: jobs stand apart.
func asWritten(p *types.Project) *types.Project {
	out := *p
	out.Services, out.Jobs = types.Services{}, nil
	for name, s := range p.Services {
		if !isJob(s) {
			out.Services[name] = s
			continue
		}
		if out.Jobs == nil {
			out.Jobs = types.Jobs{}
		}
		out.Jobs[name] = serviceJob(s)
	}
	return &out
}

// triggersOf returns what starts a job; false: s is no job.
func triggersOf(s types.ServiceConfig) (types.TriggerConfig, bool) {
	t, ok := s.Extensions[triggersKey].(types.TriggerConfig)
	return t, ok
}

func isJob(s types.ServiceConfig) bool {
	_, ok := triggersOf(s)
	return ok
}

// never is the schedule of a job that only people start; it is suspended too.
const never = "0 0 1 1 *"

// maxCronName is the longest name of a CronJob: those of its Jobs add 11 letters.
const maxCronName = 52

// skipAfter is how late, in seconds, a missed fire may still run when the file
// says to skip such. The controller looks every ten seconds.
const skipAfter = 20

// cronJobs returns one CronJob a schedule. A job that only people start is one
// that never fires: "nagi run" and "kubectl create job --from" start it.
func (m *maker) cronJobs(s types.ServiceConfig, meta metav1.ObjectMeta, t corev1.PodTemplateSpec) []Object {
	triggers, _ := triggersOf(s)
	t.Spec.RestartPolicy = corev1.RestartPolicyNever
	if triggers.Manual != nil && !*triggers.Manual {
		meta.Annotations = withMark(meta.Annotations, v1alpha1.ManualAnnotation, "false")
	}
	schedules := triggers.Schedule
	if len(schedules) == 0 {
		schedules = []types.ScheduleConfig{{}}
	}
	var objs []Object
	for i, schedule := range schedules {
		own := *meta.DeepCopy()
		own.Name = cronName(meta.Name, i)
		objs = append(objs, &batchv1.CronJob{TypeMeta: typeMeta("batch/v1", kindCronJob), ObjectMeta: own, Spec: cronSpec(schedule, own, t)})
	}
	return objs
}

// cronName is the name of a job's schedule number i.
func cronName(name string, i int) string {
	end := ""
	if i > 0 {
		end = fmt.Sprintf("-%d", i+1)
	}
	return fitTo(name, maxCronName-len(end)) + end
}

func cronSpec(schedule types.ScheduleConfig, meta metav1.ObjectMeta, t corev1.PodTemplateSpec) batchv1.CronJobSpec {
	spec := batchv1.CronJobSpec{
		Schedule:          schedule.Cron,
		ConcurrencyPolicy: batchv1.ForbidConcurrent,
		Suspend:           new(schedule.Cron == ""),
		JobTemplate: batchv1.JobTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(meta.Labels)},
			Spec:       batchv1.JobSpec{BackoffLimit: new(int32(0)), Template: t},
		},
	}
	if schedule.Cron == "" {
		spec.Schedule = never
	}
	if schedule.Timezone != "" {
		spec.TimeZone = new(schedule.Timezone)
	}
	if schedule.MissedFires == "skip" {
		spec.StartingDeadlineSeconds = new(int64(skipAfter))
	}
	return spec
}

// The policies of a schedule, of which Kubernetes has not every pair: a run
// that was held up because the last one still went on is, to it, missed too.
const (
	heldUp     = `a fire that finds the last run going runs once after it, as with "concurrency: queue"; to skip such too, write "missed_fires: skip"`
	manyQueued = "several fires that find the last run going become one run after it"
	ownRuns    = "each schedule counts only its own runs: two may run at once"
)

// scheduleOf finds the schedule in whose entry a stands.
func scheduleOf(a attribute) *node {
	if a.kind == mapping || a.parent.kind == list {
		return a.node
	}
	return a.parent
}

func judgeSchedule(a attribute) (Verdict, string) {
	s := scheduleOf(a)
	triggers, _ := triggersOf(a.service)
	switch {
	case len(triggers.Schedule) > 1:
		return Approximated, ownRuns
	case s.get("concurrency") == nil && s.get("missed_fires").str() != "skip":
		return Approximated, heldUp
	}
	return Applied, ""
}

func judgeConcurrency(a attribute) (Verdict, string) {
	missed := a.parent.get("missed_fires").str()
	switch {
	case a.text == "queue" && missed == "skip":
		return Approximated, fmt.Sprintf("a fire waits %d s for the last run to end, then it is skipped", skipAfter)
	case a.text == "queue":
		return Approximated, manyQueued
	case missed != "skip":
		return Approximated, heldUp
	}
	return Applied, ""
}

func judgeMissed(a attribute) (Verdict, string) {
	if a.text == "skip" {
		return Applied, fmt.Sprintf("missed is what is %d s late", skipAfter)
	}
	return Applied, ""
}

func judgeJobDependency(a attribute) (Verdict, string) {
	name := a.name()
	if a.parent.kind == list {
		name = a.text
	}
	if s, ok := a.project.Services[name]; ok && isJob(s) {
		return Refused, "a job starts no other job; start that one first, or make it a service"
	}
	return Applied, ""
}

func checkTimezone(text string) string {
	if _, err := time.LoadLocation(text); err != nil || text == "" || strings.EqualFold(text, "local") {
		return fmt.Sprintf("%q is no time zone; write it like \"Europe/Paris\"", text)
	}
	return ""
}

// checkJob asks that nothing waits for a job: nobody knows when one runs.
func (p *Project) checkJob(at path, s types.ServiceConfig) *Error {
	if isJob(s) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		if isJob(p.Services[name]) {
			return p.Source.fault(at.with("depends_on").with(name), fmt.Sprintf(
				`%q is a job, and a service cannot wait for one; make it a service and write "condition: service_completed_successfully"`, name))
		}
	}
	return nil
}

// checkJobNames asks that no job has the name of a service.
func (p *Project) checkJobNames() error {
	for _, name := range slices.Sorted(maps.Keys(p.AllJobs())) {
		if _, taken := p.AllServices()[name]; taken {
			return p.Source.fault(path{"jobs", name}, "is the name of a service too; rename one of them")
		}
	}
	return nil
}
