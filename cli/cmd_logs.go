package cli

import (
	"context"
	"fmt"
	"regexp"
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
	grep       string
	match      *regexp.Regexp // of grep; nil: none
	around     int
	bare       bool
	output     string
}

func (a *app) logsCmd() *cobra.Command {
	c := &logsCommand{app: a}
	cmd := &cobra.Command{
		Use:     "logs [SERVICE...]",
		GroupID: groupStack,
		Short:   "Print what the services of a stack say",
		Long: `Prints the log lines of a stack's services, oldest first, each behind the name
of its pod, on a screen in a colour of its service (NO_COLOR turns that off).
Without -p the stack is that of this folder, or the only one.

--follow goes on through restarts of containers, new pods and restarts of the
server. -o json prints one object a line.`,
		Example: `  nagi logs
  nagi logs -f web worker
  nagi logs -p vote --since 10m --tail -1
  nagi logs --grep 'timeout|refused' --around 3
  nagi logs -f -o json | jq -r 'select(.service=="web").line'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.services = args
			if c.grep != "" && !cmd.Flags().Changed("tail") {
				c.tail = -1 // who searches wants to find
			}
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
	f.Int64Var(&c.tail, "tail", 100, "at most this many lines of each container; -1: all (default of --grep)")
	f.StringVar(&c.grep, "grep", "", "only lines that match this regular expression")
	f.IntVar(&c.around, "around", 0, "with --grep, also this many lines before and after, of the same container")
	f.BoolVar(&c.bare, "no-prefix", false, "print the lines alone")
	f.StringVarP(&c.output, "output", "o", "", "json: print one object a line")
	return cmd
}

func (c *logsCommand) Run(ctx context.Context, io stdio) error {
	if c.follow && c.previous {
		return usage("--follow and --previous exclude each other")
	}
	if err := c.check(); err != nil {
		return err
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

// maxAround bounds how many lines of each container are remembered.
const maxAround = 1000

// check refuses flags that cannot be meant, and reads the pattern.
func (c *logsCommand) check() (err error) {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	if c.around < 0 || c.around > maxAround {
		return usage("--around %d: want 0 to %d lines", c.around, maxAround)
	}
	if c.around > 0 && c.grep == "" {
		return usage("--around says what to show around a line that --grep finds; name a pattern")
	}
	if c.grep == "" {
		return nil
	}
	if c.match, err = regexp.Compile(c.grep); err != nil {
		return usage("--grep %q: %v", c.grep, err)
	}
	return nil
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
