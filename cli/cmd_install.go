package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"nagi.dev/install"
	"nagi.dev/kube"
)

// installFlags are those that install and uninstall share.
type installFlags struct {
	kubeconfig, context string
	namespace           string
	timeout             time.Duration
}

func (f *installFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "of the cluster (default: kubectl's own)")
	flags.StringVar(&f.context, "context", "", "of the contexts of the kubeconfig, this one (default: its current one)")
	flags.StringVarP(&f.namespace, "namespace", "n", install.Namespace, "where the platform lives")
	flags.DurationVar(&f.timeout, "timeout", 3*time.Minute, "how long to wait")
}

// open reaches the cluster and says which it is.
func (f *installFlags) open(io stdio, doing string) (*kube.Client, error) {
	config, err := kube.ConfigOf(f.kubeconfig, f.context)
	if err != nil {
		return nil, err
	}
	io.note("%s %s", doing, config.Host)
	return kube.New(config)
}

type installCommand struct {
	installFlags
	app      *app
	registry string
	o        install.Options
	output   string
}

func (a *app) installCmd() *cobra.Command {
	c := &installCommand{app: a}
	cmd := &cobra.Command{
		Use:     "install",
		GroupID: groupCluster,
		Short:   "Put the kinds of Nagi and what keeps them onto a cluster that exists",
		Long: `Puts the kinds of Nagi and the program that keeps them onto a cluster that exists,
with no more rights than it uses, and waits until it runs. Its nodes must come by
two images: nagi image push brings them to a registry, nagi image save writes them
as an archive. It may be run again, also with another version.`,
		Example: "  nagi image push registry.example/team\n" +
			"  nagi install --context production --registry registry.example/team\n" +
			"  nagi install -o yaml | less",
		Args: noArgs,
		RunE: a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVar(&c.registry, "registry", "", "registry, and folder in it, of both images (default nagi.dev)")
	cmd.Flags().StringVar(&c.o.Image, "image", "", "image of the platform, in full")
	cmd.Flags().StringVar(&c.o.PlaneImage, "plane-image", "", "image that rides in pods, in full")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "yaml: print what would be applied, and change nothing")
	return cmd
}

func (c *installCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "yaml"); err != nil {
		return err
	}
	if err := c.images(); err != nil {
		return err
	}
	c.o.Namespace = c.namespace
	if c.output == "yaml" {
		return printInstall(io, c.o)
	}
	client, err := c.open(io, "Installing onto")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := install.Apply(ctx, client, c.o, func(s string) { io.note("  %s", s) }); err != nil {
		return err
	}
	io.printf("The cluster knows Stacks now; nagi deploy with the same --kubeconfig or --context runs compose files there.\n")
	return nil
}

// images fills the names that were not given in full.
func (c *installCommand) images() error {
	for what, to := range map[string]*string{"platform": &c.o.Image, "plane": &c.o.PlaneImage} {
		i, err := systemImage(what, c.registry)
		if err != nil {
			return err
		}
		if *to == "" {
			*to = i.Name
		}
	}
	return nil
}

func printInstall(io stdio, o install.Options) error {
	objs, err := install.Objects(o)
	if err != nil {
		return err
	}
	for _, obj := range objs {
		u, err := kube.Unstructured(obj)
		if err != nil {
			return err
		}
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			return err
		}
		io.printf("---\n%s", text)
	}
	return nil
}

type uninstallCommand struct {
	installFlags
	app *app
	yes bool
}

func (a *app) uninstallCmd() *cobra.Command {
	c := &uninstallCommand{app: a}
	cmd := &cobra.Command{
		Use:     "uninstall",
		GroupID: groupCluster,
		Short:   "Take the kinds of Nagi off a cluster again; workloads go on running",
		Long: `Removes what nagi install put onto a cluster: the program, its rights, the kinds
and the resources of these kinds. The workloads, services and volumes that came of
them go on running and belong to nobody; their label nagi.dev/stack finds them.`,
		Example: "  nagi uninstall --context production --yes\n  kubectl delete all -l nagi.dev/stack=shop",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	return cmd
}

func (c *uninstallCommand) Run(ctx context.Context, io stdio) error {
	client, err := c.open(io, "Taking the kinds of Nagi off")
	if err != nil {
		return err
	}
	if !c.yes {
		if err := io.confirm("this removes every resource of Nagi's kinds, and nobody keeps what came of them any more"); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := install.Remove(ctx, client, install.Options{Namespace: c.namespace}, func(s string) { io.note("  %s", s) }); err != nil {
		return err
	}
	io.printf("The kinds of Nagi are gone; what ran goes on.\n")
	return nil
}
