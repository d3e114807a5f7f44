package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
)

type runCommand struct {
	clusterFlags
	app       *app
	job       string
	stack     string
	namespace string
	detach    bool
	timeout   time.Duration
}

func (a *app) runCmd() *cobra.Command {
	c := &runCommand{app: a}
	cmd := &cobra.Command{
		Use:     "run JOB",
		GroupID: groupStack,
		Short:   "Start a job of a stack now",
		Long: `Starts a job of a stack, whatever its schedule says, and prints what it says
until it ends. It fails when the job does. Without -p the stack is that of this
folder, or the only one.`,
		Example: "  nagi run migrate\n  nagi run -p vote backup --detach",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one job; nagi ps lists those of a stack")
			}
			c.job = args[0]
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	c.add(cmd.Flags())
	f := cmd.Flags()
	f.StringVarP(&c.stack, "project-name", "p", "", "the stack (default that of this folder)")
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stack")
	f.BoolVarP(&c.detach, "detach", "d", false, "do not wait until it ends")
	f.DurationVar(&c.timeout, "timeout", time.Hour, "how long to wait for its end; the job goes on")
	return cmd
}

func (c *runCommand) Run(ctx context.Context, io stdio) error {
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	s, err := cl.stackFor(ctx, c.stack, c.namespace)
	if err != nil {
		return err
	}
	cron, err := cl.jobOf(ctx, s, c.job)
	if err != nil {
		return err
	}
	job, err := cl.BatchV1().Jobs(cron.Namespace).Create(ctx, fromCron(cron), metav1.CreateOptions{})
	if err != nil {
		return plain("start job "+c.job, err)
	}
	if c.detach {
		io.printf("%s\n", job.Name)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.await(ctx, io, cl, s, job)
}

// jobOf finds the CronJob of a job; of several schedules any will do.
func (c cluster) jobOf(ctx context.Context, s *v1alpha1.Stack, name string) (*batchv1.CronJob, error) {
	list, err := c.BatchV1().CronJobs(s.Namespace).List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.StackLabel + "=" + s.Name})
	if err != nil {
		return nil, plain("list jobs", err)
	}
	var known []string
	for i := range list.Items {
		service := list.Items[i].Labels[v1alpha1.ServiceLabel]
		switch {
		case service != name:
			known = append(known, service)
		case list.Items[i].Annotations[v1alpha1.ManualAnnotation] == "false":
			return nil, fmt.Errorf(`start job %s: its file says "manual: false": only its schedule starts it`, name)
		default:
			return &list.Items[i], nil
		}
	}
	slices.Sort(known)
	return nil, fmt.Errorf("start job %s: stack %s has none of that name; it has %s", name, s.Name, dash(strings.Join(slices.Compact(known), ", ")))
}

// fromCron is what "kubectl create job --from" makes.
func fromCron(cron *batchv1.CronJob) *batchv1.Job {
	t := cron.Spec.JobTemplate
	marks := map[string]string{"cronjob.kubernetes.io/instantiate": "manual"}
	for k, v := range t.Annotations {
		marks[k] = v
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: cron.Name + "-", Namespace: cron.Namespace, Labels: t.Labels, Annotations: marks,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cron, batchv1.SchemeGroupVersion.WithKind("CronJob"))},
		},
		Spec: t.Spec,
	}
}

// await prints what a job says, once it has ended.
func (c *runCommand) await(ctx context.Context, io stdio, cl cluster, s *v1alpha1.Stack, job *batchv1.Job) error {
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		now, err := cl.BatchV1().Jobs(job.Namespace).Get(ctx, job.Name, metav1.GetOptions{})
		if err == nil {
			if done, reason := jobEnd(now); done {
				c.say(ctx, io, cl, s, job)
				if reason != "" {
					return fmt.Errorf("job %s failed: %s", c.job, reason)
				}
				return nil
			}
		}
		if !pause(ctx, look.C) {
			return fmt.Errorf("job %s has not ended; it goes on, nagi logs -p %s %s shows what it says", c.job, s.Name, c.job)
		}
	}
}

// jobEnd tells whether a Job is over, and why it failed if it did.
func jobEnd(j *batchv1.Job) (done bool, reason string) {
	for _, cond := range j.Status.Conditions {
		switch {
		case cond.Status != corev1.ConditionTrue:
		case cond.Type == batchv1.JobComplete:
			return true, ""
		case cond.Type == batchv1.JobFailed:
			return true, cmp.Or(cond.Message, cond.Reason, "no reason given")
		}
	}
	return false, ""
}

// say prints the log of a job's pods.
func (c *runCommand) say(ctx context.Context, io stdio, cl cluster, s *v1alpha1.Stack, job *batchv1.Job) {
	r := newReader(cl, s, &logsCommand{tail: -1}, io)
	r.selector = batchv1.JobNameLabel + "=" + job.Name
	if err := r.print(ctx); err != nil {
		io.note("%v", err)
	}
}
