package cli

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"nagi.dev/internal/layout"
)

func (a *app) kubectlCmd() *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl ...",
		GroupID:            groupCluster,
		Short:              "Run the real kubectl on this cluster",
		Long:               "Runs the kubectl inside Nagi on the cluster of this machine; all words after it\nare kubectl's own.",
		Example:            "  sudo nagi kubectl get pods -A\n  sudo nagi kubectl -n vote exec -it deploy/web -- sh",
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.kubectl(args)
		},
	}
}

// kubectl hands args on, aimed at this machine's cluster unless they say
// another.
func (a *app) kubectl(args []string) error {
	args, dir := takeDataDir(args)
	if dir != "" {
		a.dataDir = dir
	}
	file := layout.For(a.dataDir).Kubeconfig
	aimed := slices.ContainsFunc(args, func(s string) bool {
		return s == "--kubeconfig" || strings.HasPrefix(s, "--kubeconfig=")
	})
	if !aimed {
		args = append([]string{"--kubeconfig=" + file}, args...)
	}
	code := a.engine.Kubectl(args, a.stdio.In, a.stdio.Out, a.stdio.Err)
	if code == Done {
		return nil
	}
	if _, err := os.Stat(file); !aimed && errors.Is(err, os.ErrNotExist) {
		a.stdio.note("kubectl: no server is running; nagi up starts one")
	}
	return exitCode(code)
}

// takeDataDir removes a leading --data-dir, which kubectl does not know.
func takeDataDir(args []string) (rest []string, dir string) {
	if len(args) == 0 {
		return args, ""
	}
	if d, ok := strings.CutPrefix(args[0], "--data-dir="); ok {
		return args[1:], d
	}
	if args[0] == "--data-dir" && len(args) > 1 {
		return args[2:], args[1]
	}
	return args, ""
}
