package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
)

type rollbackCommand struct {
	clusterFlags
	app       *app
	service   string // "": all
	to        int64
	stack     string
	namespace string
	dryRun    bool
	detach    bool
	timeout   time.Duration
}

func (a *app) rollbackCmd() *cobra.Command {
	c := &rollbackCommand{app: a}
	cmd := &cobra.Command{
		Use:     "rollback [SERVICE]",
		GroupID: groupStack,
		Short:   "Go back to a former file of a stack",
		Long: `Makes the stack, or one service of it, what a former revision of its file says,
and waits until that runs. Without --to it is the newest revision that differs
from the present file and whose update did not fail. Files that it mounted come
back too; data in volumes stays as it is.

It is a new revision: rolling back once more undoes it.`,
		Example: "  nagi rollback --dry-run\n  nagi rollback\n  nagi rollback web --to 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("name one service, or none for all of the stack")
			}
			if len(args) == 1 {
				c.service = args[0]
			}
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	c.add(cmd.Flags())
	f := cmd.Flags()
	f.Int64Var(&c.to, "to", 0, "the revision, as nagi history counts them")
	f.StringVarP(&c.stack, "project-name", "p", "", "the stack (default that of this folder)")
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stack")
	f.BoolVar(&c.dryRun, "dry-run", false, "print what would change in the file; change nothing")
	f.BoolVarP(&c.detach, "detach", "d", false, "do not wait until the services are ready")
	f.DurationVar(&c.timeout, "timeout", 5*time.Minute, "how long to wait for the services")
	return cmd
}

func (c *rollbackCommand) Run(ctx context.Context, io stdio) error {
	cl, s, all, err := c.app.pastOf(ctx, c.clusterFlags, c.stack, c.namespace)
	if err != nil {
		return err
	}
	to, spec, err := goBack(all, s.Spec, c.service, c.to)
	if err != nil {
		return err
	}
	if c.dryRun {
		return printBack(io, to, s.Spec, spec)
	}
	d, err := backDeployment(s, spec, c.cause(to))
	if err != nil {
		return err
	}
	return (&deployCommand{detach: c.detach, timeout: c.timeout}).roll(ctx, io, cl, d)
}

// cause is what the history says of it.
func (c *rollbackCommand) cause(to int64) string {
	if c.service != "" {
		return fmt.Sprintf("rollback of %s to %d", c.service, to)
	}
	return fmt.Sprintf("rollback to %d", to)
}

// goBack returns the revision to which to go, and the file that this makes.
// Revision 0 is the newest that differs from the present file and whose update
// did not fail.
func goBack(all []past, now v1alpha1.StackSpec, service string, to int64) (int64, v1alpha1.StackSpec, error) {
	var first error
	for _, p := range slices.Backward(all) {
		if to != 0 && p.Number != to || to == 0 && p.failed(service) {
			continue
		}
		spec, err := p.spec, error(nil)
		if service != "" {
			spec, err = compose.Back(now, p.spec, service)
		}
		if err != nil {
			err = fmt.Errorf("revision %d: %w", p.Number, err)
			if to != 0 {
				return 0, spec, err
			}
			if first == nil {
				first = err
			}
			continue
		}
		if changed, err := compose.Changes(now, spec); err == nil && len(changed) == 0 && to == 0 {
			continue
		}
		return p.Number, spec, nil
	}
	switch {
	case first != nil:
		return 0, now, first
	case to != 0:
		return 0, now, fmt.Errorf("revision %d: there is none; nagi history lists those that are kept", to)
	}
	return 0, now, fmt.Errorf("no revision that is kept differs from the present file; nagi history lists them")
}

// printBack shows what a rollback would change.
func printBack(io stdio, to int64, now, then v1alpha1.StackSpec) error {
	changed, err := compose.Changes(now, then)
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		io.printf("The present file is that of revision %d already.\n", to)
		return nil
	}
	io.printf("Going back to revision %d would change the file (- now, + then):\n", to)
	for _, l := range lineDiff(now.Compose, then.Compose) {
		io.printf("%s\n", l)
	}
	if slices.Contains(changed, "files") {
		io.printf("The contents of files would change too.\n")
	}
	return nil
}

// backDeployment makes of a former file what deploy makes of a new one.
func backDeployment(s *v1alpha1.Stack, spec v1alpha1.StackSpec, cause string) (*deployment, error) {
	p, err := compose.Parse(spec.Compose, spec.Assets)
	if err != nil {
		return nil, err
	}
	objects, err := compose.Objects(p, spec.Assets, compose.ObjectOptions{Namespace: s.Namespace})
	if err != nil {
		return nil, err
	}
	st := &v1alpha1.Stack{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Stack"},
		ObjectMeta: metav1.ObjectMeta{
			Name: s.Name, Namespace: s.Namespace,
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.StackLabel: s.Name},
			Annotations: map[string]string{v1alpha1.CauseAnnotation: cause},
		},
		Spec: spec,
	}
	return &deployment{namespace: s.Namespace, bundle: compose.Bundle{Stack: st}, objects: objects}, nil
}
