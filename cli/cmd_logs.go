package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
)

type logsCommand struct {
	clusterFlags
	app        *app
	services   []string
	stack      string
	namespace  string
	follow     bool
	timestamps bool
	previous   bool
	since      time.Duration
	tail       int64
}

func (a *app) logsCmd() *cobra.Command {
	c := &logsCommand{app: a}
	cmd := &cobra.Command{
		Use:     "logs [SERVICE...]",
		GroupID: groupStack,
		Short:   "Print what the services of a stack say",
		Long: `Prints the log lines of a stack's services, oldest first, each behind the name
of its pod. Without -p the stack is that of this folder, or the only one.`,
		Example: "  nagi logs\n  nagi logs -f web worker\n  nagi logs -p vote --since 10m --tail -1",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.services = args
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	c.add(cmd.Flags())
	f := cmd.Flags()
	f.StringVarP(&c.stack, "project-name", "p", "", "the stack (default that of this folder)")
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stack")
	f.BoolVarP(&c.follow, "follow", "f", false, "go on with what comes")
	f.BoolVarP(&c.timestamps, "timestamps", "t", false, "print the time of each line")
	f.BoolVar(&c.previous, "previous", false, "of the containers before the last restart")
	f.DurationVar(&c.since, "since", 0, "only lines younger than this: 10m")
	f.Int64Var(&c.tail, "tail", 100, "at most this many lines of each container; -1: all")
	return cmd
}

func (c *logsCommand) Run(ctx context.Context, io stdio) error {
	if c.follow && c.previous {
		return usage("--follow and --previous exclude each other")
	}
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	s, err := cl.stackFor(ctx, c.stack, c.namespace)
	if err != nil {
		return err
	}
	if err := knownServices(s, c.services); err != nil {
		return err
	}
	r := newReader(cl, s, c, io)
	if c.follow {
		return r.follow(ctx)
	}
	return r.print(ctx)
}

// knownServices refuses a service that the stack has not.
func knownServices(s *v1alpha1.Stack, asked []string) error {
	var have []string
	for _, v := range s.Status.Services {
		have = append(have, v.Name)
	}
	for _, a := range asked {
		if !slices.Contains(have, a) {
			return fmt.Errorf("service %s: stack %s has none; it has %s", a, s.Name, dash(strings.Join(have, ", ")))
		}
	}
	return nil
}

// options are what the flags ask of one container's log.
func (c *logsCommand) options(container string) *corev1.PodLogOptions {
	o := &corev1.PodLogOptions{Container: container, Timestamps: true, Previous: c.previous}
	if c.tail >= 0 {
		o.TailLines = &c.tail
	}
	if c.since > 0 {
		t := metav1.NewTime(time.Now().Add(-c.since))
		o.SinceTime = &t
	}
	return o
}
