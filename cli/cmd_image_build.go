package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"nagi.dev/internal/layout"
)

type imageBuildCommand struct {
	app     *app
	context string
	build   Build
	args    []string
	labels  []string
	hosts   []string
	secrets []string
	extra   []string // build contexts
	from    []string // caches
	to      []string
	quiet   bool
}

func (a *app) imageBuildCmd() *cobra.Command {
	c := &imageBuildCommand{app: a}
	cmd := &cobra.Command{
		Use:   "build CONTEXT",
		Short: "Make an image of a Dockerfile",
		Long: `Builds the Dockerfile of a folder into the server's images, where pods use it
without a registry. What did not change comes from the cache. Base images are
those of the server; a registry is asked for the rest.`,
		Example: `  sudo nagi image build .
  sudo nagi image build -t shop/web:2 -f docker/web.Dockerfile --target release .
  sudo nagi image build --build-arg VERSION=2 --secret id=token,src=token.txt .`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("want one folder with a Dockerfile; . is this one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c.context = args[0]
			return c.Run(cmd.Context(), a.stdio)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	c.add(cmd)
	return cmd
}

func (c *imageBuildCommand) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&c.build.Tags, "tag", "t", nil, "name of the image (default that of the folder); may be repeated")
	f.StringVarP(&c.build.Dockerfile, "file", "f", "", "the Dockerfile (default Dockerfile in CONTEXT)")
	f.StringVar(&c.build.Target, "target", "", "stage to build (default the last)")
	f.StringArrayVar(&c.args, "build-arg", nil, "NAME=VALUE, or NAME to take it from the environment; may be repeated")
	f.StringArrayVar(&c.labels, "label", nil, "NAME=VALUE; may be repeated")
	f.StringArrayVar(&c.secrets, "secret", nil, "id=NAME,src=FILE or id=NAME,env=VARIABLE; may be repeated")
	f.StringArrayVar(&c.extra, "build-context", nil, "NAME=FOLDER or NAME=docker-image://IMAGE; may be repeated")
	f.StringArrayVar(&c.hosts, "add-host", nil, "NAME=ADDRESS for the steps; may be repeated")
	f.StringVar(&c.build.Network, "network", "", "of the steps: none or host (default the network of pods)")
	f.StringVar(&c.build.Platform, "platform", "", "this machine's, or an error")
	f.BoolVar(&c.build.NoCache, "no-cache", false, "run every step anew")
	f.BoolVar(&c.build.Pull, "pull", false, "ask registries even for base images that are here")
	f.StringArrayVar(&c.from, "cache-from", nil, "type=local,src=FOLDER; may be repeated")
	f.StringArrayVar(&c.to, "cache-to", nil, "type=local,dest=FOLDER; may be repeated")
	f.StringVar(&c.build.Progress, "progress", "auto", "auto, plain or quiet")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "print only the digest; same as --progress quiet")
	_ = cmd.RegisterFlagCompletionFunc("progress", cobra.FixedCompletions([]string{"auto", "plain", "quiet"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("network", cobra.FixedCompletions([]string{"none", "host"}, cobra.ShellCompDirectiveNoFileComp))
}

func (c *imageBuildCommand) Run(ctx context.Context, io stdio) error {
	if err := c.settle(); err != nil {
		return err
	}
	built, err := c.app.buildImage(ctx, io, c.build)
	if err != nil {
		return err
	}
	if !c.quiet {
		for _, n := range built.Names[1:] {
			io.note("%s", n)
		}
	}
	io.printf("%s\n", built.Digest)
	return nil
}

// settle turns the flags into a Build.
func (c *imageBuildCommand) settle() error {
	if c.quiet {
		c.build.Progress = "quiet"
	}
	if err := oneOf("progress", c.build.Progress, "auto", "plain", "quiet"); err != nil {
		return err
	}
	var err error
	if !strings.Contains(c.context, "://") {
		if c.context, err = folder(c.context); err != nil {
			return err
		}
	}
	c.build.Context = c.context
	if len(c.build.Tags) == 0 {
		c.build.Tags = []string{strings.ToLower(filepath.Base(c.context))}
	}
	c.build.Args, c.build.ExtraHosts = buildArgs(c.args, os.LookupEnv), c.hosts
	if c.build.Labels, err = pairs("label", c.labels); err != nil {
		return err
	}
	if c.build.Contexts, err = pairs("build-context", c.extra); err != nil {
		return err
	}
	if c.build.CacheFrom, err = caches("cache-from", c.from); err != nil {
		return err
	}
	if c.build.CacheTo, err = caches("cache-to", c.to); err != nil {
		return err
	}
	c.build.Secrets, err = buildSecrets(c.secrets)
	return err
}

// folder is the absolute name of a folder that is there.
func folder(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", fmt.Errorf("open context: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("open context: %s is a file; name its folder, and the file with --file", name)
	}
	return abs, nil
}

// buildImage asks the builder of the running server.
func (a *app) buildImage(ctx context.Context, io stdio, b Build) (Built, error) {
	if err := needRoot(); err != nil {
		return Built{}, err
	}
	dirs := layout.For(a.dataDir)
	if _, running := runningServer(dirs); !running {
		return Built{}, fmt.Errorf("no server is running; nagi up starts one")
	}
	return a.engine.Build(ctx, dirs.Data, b, io.Err)
}
