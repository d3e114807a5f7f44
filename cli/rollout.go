package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"nagi.dev/api/v1alpha1"
)

// roll applies d and follows it until every service is ready, or until it is
// clear that one will not be.
func (c *deployCommand) roll(ctx context.Context, io stdio, cl cluster, d *deployment) error {
	name := d.stack().Name
	generation, err := d.apply(ctx, cl)
	if err != nil {
		return err
	}
	if c.detach {
		io.printf("Stack %s is applied; nagi ps %s shows how it comes up.\n", name, name)
		return nil
	}
	return c.await(ctx, io, cl, d, generation)
}

// await follows what was applied until there is a verdict.
func (c *deployCommand) await(ctx context.Context, io stdio, cl cluster, d *deployment, generation int64) error {
	state := rolloutState{Generation: generation, Published: d.published()}
	s, v, err := c.follow(ctx, io, cl, d, state)
	if err != nil {
		return err
	}
	if v.Ready {
		return arrived(ctx, io, cl, s, d)
	}
	if v.Reason != "" {
		return errors.New(v.Reason)
	}
	if len(v.Back) > 0 {
		return setback(io, s, v.Back)
	}
	return explainer{io: io, cluster: cl, stack: s}.explain(ctx, v.Broken, "")
}

// follow shows the services until there is a verdict or the time is over.
func (c *deployCommand) follow(ctx context.Context, io stdio, cl cluster, d *deployment, state rolloutState) (v1alpha1.Stack, verdict, error) {
	board := board{to: io.Err, begun: time.Now()}
	end := time.NewTimer(c.timeout)
	defer end.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	var s v1alpha1.Stack
	for {
		// A server that restarts in the meantime is waited for.
		if err := cl.objects.Get(ctx, d.key(), &s); err == nil {
			state.see(s.Status, time.Now())
			if s.Status.ObservedGeneration >= state.Generation {
				board.show(s.Status.Services)
			}
			if v := judge(s.Status, state); v.Ready || v.Reason != "" || len(v.Broken)+len(v.Back) > 0 {
				return s, v, nil
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return s, verdict{}, fmt.Errorf("interrupted; the stack goes on coming up, nagi ps %s shows how it is", d.stack().Name)
		case <-end.C:
			return s, verdict{}, c.late(ctx, io, cl, s)
		}
	}
}

// late explains what is missing when the time is over.
func (c *deployCommand) late(ctx context.Context, io stdio, cl cluster, s v1alpha1.Stack) error {
	var missing []v1alpha1.ServiceStatus
	for _, svc := range s.Status.Services {
		if !rests(svc) {
			missing = append(missing, svc)
		}
	}
	if len(missing) == 0 {
		return fmt.Errorf("the platform has not taken up the stack within %s; nagi status shows whether it runs", c.timeout)
	}
	return explainer{io: io, cluster: cl, stack: s}.explain(ctx, missing, " within "+c.timeout.String())
}

// arrived says where the stack answers. Ports that do not are a failure:
// whoever published them waits there.
func arrived(ctx context.Context, io stdio, cl cluster, s v1alpha1.Stack, d *deployment) error {
	published := d.published()
	var errs []error
	io.printf("Stack %s is ready.\n", s.Name)
	for _, svc := range s.Status.Services {
		if len(svc.Addresses) > 0 {
			io.printf("  %-12s %s\n", svc.Name, strings.Join(svc.Addresses, "  "))
		} else if published[svc.Name] {
			why := cl.lastWarning(ctx, s.Namespace, svc.Name+"-published")
			errs = append(errs, fmt.Errorf("the published ports of %s do not answer: %s", svc.Name, cmp.Or(why, "nagi events -n "+s.Namespace+" tells more")))
		}
	}
	for _, svc := range s.Status.Services {
		if svc.ScaledBy != "" {
			io.note("  %s has %d replicas, as %s set; nagi scale %s=file gives the number back to the file", svc.Name, svc.Wanted, svc.ScaledBy, svc.Name)
		}
	}
	for _, v := range s.Status.Released {
		io.note("  volume %s left the file; its data is kept until its claim is deleted", v)
	}
	return errors.Join(errs...)
}

// setback says which services do not run what the file says.
func setback(io stdio, s v1alpha1.Stack, back []v1alpha1.ServiceStatus) error {
	var names []string
	for _, svc := range back {
		names = append(names, svc.Name)
		io.note("\n%s: %s", svc.Name, svc.Message)
	}
	return fmt.Errorf("the update of %s failed; change the file and deploy again, or deploy it as it is to try once more; nagi logs -p %s --previous and nagi events -n %s tell more",
		strings.Join(names, ", "), s.Name, s.Namespace)
}
