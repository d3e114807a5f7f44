package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"nagi.dev/compose"
)

type deployCommand struct {
	clusterFlags
	app         *app
	load        compose.LoadOptions
	namespace   string
	dryRun      bool
	output      string
	to          string
	planeImage  string
	approximate bool
	detach      bool
	watch       bool
	timeout     time.Duration
}

func (a *app) deployCmd() *cobra.Command {
	c := &deployCommand{app: a}
	cmd := &cobra.Command{
		Use:     "deploy",
		GroupID: groupStack,
		Short:   "Run the compose file of this folder",
		Long: `Reads compose files, checks every attribute in them, and makes the cluster run
what they say. What left the files is removed; volumes are kept.

An attribute that would not be honoured stops it before anything is changed;
--approximate goes on without such attributes. -o prints instead of deploying,
and needs no server: report is what becomes of each attribute; yaml the objects,
and helm a chart of them, for a cluster that knows nothing of Nagi. What such a
cluster must offer is said beside them.

--watch stays and does what develop.watch says when files change: bring them
into the containers, start those again, run a command in them.`,
		Example: `  nagi deploy
  nagi deploy -f compose.yaml -f production.yaml --profile debug
  nagi deploy -o report
  nagi deploy --watch
  nagi deploy --dry-run -o yaml > objects.yaml
  nagi deploy -o helm --to chart --plane-image registry.example/nagi-plane:1`,
		Args: noArgs,
		RunE: a.run(c),
	}
	c.add(cmd)
	return cmd
}

func (c *deployCommand) add(cmd *cobra.Command) {
	f := cmd.Flags()
	c.clusterFlags.add(f)
	f.StringArrayVarP(&c.load.Files, "file", "f", nil, "compose file; several are merged in order; - is standard input")
	f.StringVar(&c.load.ProjectDir, "project-directory", "", "folder that paths are relative to (default that of the first file)")
	f.StringVarP(&c.load.Name, "project-name", "p", "", "name of the stack (default that of the folder)")
	f.StringArrayVar(&c.load.Profiles, "profile", nil, "turn on this profile; may be repeated")
	f.StringArrayVar(&c.load.EnvFiles, "env-file", nil, "read variables from this file instead of .env; may be repeated")
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stack (default its name)")
	f.BoolVar(&c.dryRun, "dry-run", false, "print what would be made; change nothing")
	f.StringVarP(&c.output, "output", "o", "", "print instead of deploying: report, json (the report), yaml (the objects) or helm (a chart)")
	f.StringVar(&c.to, "to", "", "with -o helm: the folder of the chart; without it a tar.gz goes to standard output")
	f.StringVar(&c.planeImage, "plane-image", "", "with -o yaml and helm: where the cluster pulls nagi-plane from, if a service needs it")
	f.BoolVar(&c.approximate, "approximate", false, "go on without the attributes that are refused")
	f.BoolVarP(&c.detach, "detach", "d", false, "do not wait until the services are ready")
	f.BoolVarP(&c.watch, "watch", "w", false, "go on and bring changes of files into the containers, as develop.watch says")
	f.DurationVar(&c.timeout, "timeout", 5*time.Minute, "how long to wait for the services")
}

func (c *deployCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "report", "json", "yaml", "helm"); err != nil {
		return err
	}
	if c.to != "" && c.output != "helm" {
		return usage("--to is the folder of a chart: it takes -o helm")
	}
	c.load.Stdin = io.In
	p, err := compose.Load(ctx, c.load)
	if err != nil {
		return err
	}
	report := compose.Check(p)
	if c.output == "report" || c.output == "json" {
		return c.printReport(io, report)
	}
	if err := c.admit(io, report); err != nil {
		return err
	}
	triggers, err := c.triggers(p)
	if err != nil {
		return err
	}
	p.KeepWatch(c.watch)
	plan, err := c.plan(p)
	if err != nil {
		return err
	}
	if c.output == "helm" {
		return plan.chart(io, c.to)
	}
	if c.dryRun || c.output == "yaml" {
		return plan.print(io, c.output)
	}
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	if err := c.suits(ctx, io, cl, p); err != nil {
		return err
	}
	if plan, err = c.built(ctx, io, p, plan); err != nil {
		return err
	}
	if c.watch {
		return c.stay(ctx, io, cl, plan, p, triggers)
	}
	return c.roll(ctx, io, cl, plan)
}

// triggers returns what is to be watched; nothing without --watch.
func (c *deployCommand) triggers(p *compose.Project) ([]compose.Trigger, error) {
	if !c.watch {
		return nil, nil
	}
	if c.detach || c.dryRun || c.output != "" {
		return nil, usage("--watch stays; it goes with none of --detach, --dry-run and --output")
	}
	triggers, err := compose.Triggers(p)
	if err == nil && len(triggers) == 0 {
		return nil, usage("no service has a develop.watch section; there is nothing to watch")
	}
	return triggers, err
}

func (c *deployCommand) printReport(io stdio, r compose.Report) error {
	var err error
	if c.output == "json" {
		err = r.WriteJSON(io.Out)
	} else {
		err = r.WriteText(io.Out)
	}
	if err == nil && len(r.Refused()) > 0 && !c.approximate {
		return exitCode(Failed)
	}
	return err
}

// admit refuses a project of which some attribute would not be honoured.
func (c *deployCommand) admit(io stdio, r compose.Report) error {
	refused := r.Refused()
	if len(refused) == 0 {
		return nil
	}
	for _, e := range refused {
		if c.approximate {
			e.Verdict = "left out"
		}
		io.note("%s", e)
	}
	if c.approximate {
		return nil
	}
	if len(refused) == 1 {
		return errors.New("an attribute is refused (above); change it, or leave it out with --approximate")
	}
	return fmt.Errorf("%d attributes are refused (above); change them, or leave them out with --approximate", len(refused))
}

// plan makes everything that is to be applied. It needs no server.
func (c *deployCommand) plan(p *compose.Project) (*deployment, error) {
	namespace := c.namespace
	if namespace == "" {
		namespace = compose.ObjectName(p.Name)
	}
	if strings.HasPrefix(namespace, "kube-") {
		return nil, usage("namespace %s is Kubernetes' own; choose another with --namespace", namespace)
	}
	bundle, err := compose.NewBundle(p, namespace)
	if err != nil {
		return nil, err
	}
	objects, err := compose.Objects(p.Project, bundle.Stack.Spec.Assets, compose.ObjectOptions{
		Namespace: namespace, PlaneImage: c.planeImage, Portable: c.output != "",
	})
	if err != nil {
		return nil, err
	}
	d := &deployment{namespace: namespace, bundle: bundle, objects: objects}
	if c.output != "" {
		d.leftOut = compose.LeftOut(p.Project)
	}
	return d, nil
}
