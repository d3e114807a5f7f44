package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
	"nagi.dev/internal/version"
)

type versionCommand struct {
	output string
}

// A versionReport is the stable output of nagi version -o json.
type versionReport struct {
	Version    string            `json:"version"`
	Go         string            `json:"go"`
	Platform   string            `json:"platform"`
	Components map[string]string `json:"components,omitempty"`
}

// components are the engines whose versions people ask for.
var components = []struct{ name, module string }{
	{"kubernetes", "k8s.io/kubernetes"},
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"containerd", "github.com/containerd/containerd/v2"},
	{"coredns", "github.com/coredns/coredns"},
}

func (a *app) versionCmd() *cobra.Command {
	c := &versionCommand{}
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of Nagi and of what it carries",
		Long:    "Prints the version of Nagi and of the engines that it carries inside.",
		Example: "  nagi version\n  nagi version -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *versionCommand) Run(_ context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	r := versions()
	if c.output == "json" {
		return io.json(r)
	}
	io.printf("nagi %s (%s, %s)\n", r.Version, r.Go, r.Platform)
	for _, m := range components {
		if v := r.Components[m.name]; v != "" {
			io.printf("%s %s\n", m.name, v)
		}
	}
	return nil
}

// versions reads what the linker noted of this program.
func versions() versionReport {
	r := versionReport{
		Version: version.Version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Components: map[string]string{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return r
	}
	for _, m := range components {
		i := slices.IndexFunc(info.Deps, func(d *debug.Module) bool { return d.Path == m.module })
		if i >= 0 {
			r.Components[m.name] = info.Deps[i].Version
		}
	}
	return r
}
