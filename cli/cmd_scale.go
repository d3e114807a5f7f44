package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose/stack"
)

type scaleCommand struct {
	clusterFlags
	app       *app
	wanted    []scaling
	stack     string
	namespace string
}

// A scaling is one SERVICE=N of the command line.
type scaling struct {
	service  string
	replicas int32
	file     bool // give the number back to the file
}

func (a *app) scaleCmd() *cobra.Command {
	c := &scaleCommand{app: a}
	cmd := &cobra.Command{
		Use:     "scale SERVICE=N...",
		GroupID: groupStack,
		Short:   "Run more or fewer replicas of a service",
		Long: `Sets how many replicas a service has, in place of its compose file: a later
deploy leaves the number as it is, until SERVICE=file gives it back to the file.
kubectl scale and autoscalers do the same. Without -p the stack is that of this
folder, or the only one.`,
		Example: "  nagi scale web=3\n  nagi scale -p vote web=3 worker=2\n  nagi scale web=file",
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if c.wanted, err = parseScalings(args); err != nil {
				return err
			}
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.stack, "project-name", "p", "", "the stack (default that of this folder)")
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stack")
	return cmd
}

// maxReplicas bounds what a slip of the finger may ask for.
const maxReplicas = 10_000

func parseScalings(args []string) (all []scaling, err error) {
	if len(args) == 0 {
		return nil, usage("name a service and a number: nagi scale web=3")
	}
	for _, a := range args {
		service, text, ok := strings.Cut(a, "=")
		n, err := strconv.ParseUint(text, 10, 31)
		switch {
		case !ok || service == "" || (err != nil && text != "file"):
			return nil, usage("%q: want SERVICE=N or SERVICE=file, as in web=3", a)
		case n > maxReplicas:
			return nil, usage("%q: at most %d replicas", a, maxReplicas)
		case slices.ContainsFunc(all, func(s scaling) bool { return s.service == service }):
			return nil, usage("service %s is named twice", service)
		}
		all = append(all, scaling{service: service, replicas: int32(n), file: text == "file"})
	}
	return all, nil
}

func (c *scaleCommand) Run(ctx context.Context, io stdio) error {
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	s, err := cl.stackFor(ctx, c.stack, c.namespace)
	if err != nil {
		return err
	}
	if err := scalable(s, c.wanted); err != nil {
		return err
	}
	for _, w := range c.wanted {
		if err := cl.scale(ctx, io, s, w); err != nil {
			return err
		}
	}
	return nil
}

// scalable refuses, before anything is changed, what has no number to set.
func scalable(s *v1alpha1.Stack, all []scaling) error {
	var errs []error
	for _, w := range all {
		if err := knownServices(s, []string{w.service}); err != nil {
			errs = append(errs, err)
			continue
		}
		i := slices.IndexFunc(s.Status.Services, func(v v1alpha1.ServiceStatus) bool { return v.Name == w.service })
		host := s.Status.Services[i].Host
		switch kind := s.Status.Services[i].Kind; {
		case host != "":
			errs = append(errs, fmt.Errorf("service %s runs in the pods of %s, one in each; scale that one", w.service, host))
		case kind == "Deployment":
		case kind == "DaemonSet":
			errs = append(errs, fmt.Errorf("service %s runs once on every node (mode: global); it has no number to set", w.service))
		default:
			errs = append(errs, fmt.Errorf("service %s is a %s, which runs to its end; change the file", w.service, kind))
		}
	}
	return errors.Join(errs...)
}

// scale sets the replicas of one service through the scale subresource, as an
// autoscaler does.
func (c cluster) scale(ctx context.Context, io stdio, s *v1alpha1.Stack, w scaling) error {
	if w.file {
		return c.unscale(ctx, io, s, w.service)
	}
	var before int32
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		have, err := c.AppsV1().Deployments(s.Namespace).GetScale(ctx, w.service, metav1.GetOptions{})
		if err != nil {
			return err
		}
		before, have.Spec.Replicas = have.Spec.Replicas, w.replicas
		_, err = c.AppsV1().Deployments(s.Namespace).UpdateScale(ctx, w.service, have, metav1.UpdateOptions{FieldManager: v1alpha1.ScaleOwner})
		return err
	})
	if err != nil {
		return plain("scale "+w.service, err)
	}
	io.printf("%s: %d -> %d\n", w.service, before, w.replicas)
	return nil
}

// unscale makes nobody but the file keep the number of a service; the
// controller then sets it.
func (c cluster) unscale(ctx context.Context, io stdio, s *v1alpha1.Stack, service string) error {
	kept := false
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d, err := c.AppsV1().Deployments(s.Namespace).Get(ctx, service, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if kept = disown(d); !kept {
			return nil
		}
		_, err = c.AppsV1().Deployments(s.Namespace).Update(ctx, d, metav1.UpdateOptions{FieldManager: v1alpha1.ScaleOwner})
		return err
	})
	switch {
	case err != nil:
		return plain("scale "+service, err)
	case kept:
		io.printf("%s: as the file says\n", service)
	default:
		io.printf("%s: is as the file says already\n", service)
	}
	return nil
}

// disown forgets who scales d; false: nobody does.
func disown(d *appsv1.Deployment) bool {
	n := len(d.ManagedFields)
	d.ManagedFields = slices.DeleteFunc(d.ManagedFields, stack.Scales)
	return len(d.ManagedFields) < n
}
