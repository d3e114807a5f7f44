package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	Done   = 0
	Failed = 1
	Wrong  = 2 // wrong usage
)

// Main runs one command line, without the program's name, and returns its exit
// code. It prints an error once, as "command: error".
func Main(ctx context.Context, args []string, engine Engine, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{engine: engine, stdio: stdio{In: stdin, Out: stdout, Err: stderr}}
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return Done
	}
	if code := exitCode(0); errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintf(stderr, "%s: %v\n", path(cmd), err)
	if isUsage(err) {
		return Wrong
	}
	return Failed
}

// An app is one run of the program.
type app struct {
	engine  Engine
	stdio   stdio
	dataDir string
	config  string // file of settings
	version bool   // nagi --version
}

// A command has flags and runs once they are set.
type command interface {
	Run(ctx context.Context, io stdio) error
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "nagi",
		Short: "A real Kubernetes in one program, and compose files that run as they are",
		Long: `Nagi runs compose files on a real Kubernetes that it carries inside itself.

  nagi up         start a server on this machine
  nagi deploy     run the compose file of this folder
  nagi ps         see what runs`,
		Example:                    "  nagi up\n  nagi deploy -f compose.yaml",
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		TraverseChildren:           true,
		Args:                       noCommand,
		RunE:                       a.greet,
		PersistentPreRunE:          a.settle,
	}
	root.SetIn(a.stdio.In)
	root.SetOut(a.stdio.Out)
	root.SetErr(a.stdio.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%v", err) })
	root.PersistentFlags().StringVar(&a.dataDir, "data-dir", "", "folder of the server's state (default /var/lib/nagi)")
	root.PersistentFlags().StringVar(&a.config, "config", defaultConfig, "file of settings; it may be missing")
	// Ours, for the libraries inside bring one of this name to every command.
	root.PersistentFlags().BoolVar(&a.version, "version", false, "print the version")
	_ = root.PersistentFlags().MarkHidden("version") // it is there
	root.AddGroup(
		&cobra.Group{ID: groupServer, Title: "The server:"},
		&cobra.Group{ID: groupStack, Title: "Compose applications:"},
		&cobra.Group{ID: groupCluster, Title: "The cluster:"})
	root.AddCommand(a.upCmd(), a.downCmd(), a.statusCmd(), a.doctorCmd(), a.serverCmd(),
		a.deployCmd(), a.runCmd(), a.psCmd(), a.scaleCmd(), a.historyCmd(), a.rollbackCmd(), a.logsCmd(), a.topCmd(), a.eventsCmd(), a.patternsCmd(), a.imageCmd(),
		a.installCmd(), a.uninstallCmd(), a.platformCmd(), a.kubectlCmd(), a.kubeconfigCmd(), a.versionCmd())
	return root
}

// greet answers nagi without a command.
func (a *app) greet(cmd *cobra.Command, _ []string) error {
	if a.version {
		return (&versionCommand{}).Run(cmd.Context(), a.stdio)
	}
	return cmd.Help()
}

// The groups of the help page.
const (
	groupServer  = "server"
	groupStack   = "stack"
	groupCluster = "cluster"
)

// run makes cobra call c.
func (a *app) run(c command) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error { return c.Run(cmd.Context(), a.stdio) }
}

// path is how errors name a command: "image import".
func path(cmd *cobra.Command) string {
	_, sub, found := strings.Cut(cmd.CommandPath(), " ")
	if !found {
		return cmd.Name()
	}
	return sub
}

// An exitCode ends the program without a word: the command has said it all.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// A usageError is a fault of the command line itself.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

func isUsage(err error) bool {
	_, ok := errors.AsType[usageError](err)
	return ok
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unexpected %q; see --help", args[0])
	}
	return nil
}

// noCommand refuses words after a command that only has others below it.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usage("unknown command %q; see %s --help", args[0], cmd.CommandPath())
}

func oneOf(flag, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return usage("--%s %q is none of %s", flag, value, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}
