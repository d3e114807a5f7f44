package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

type doctorCommand struct {
	serverFlags
	app    *app
	output string
}

func (a *app) doctorCmd() *cobra.Command {
	c := &doctorCommand{app: a}
	cmd := &cobra.Command{
		Use:     "doctor",
		GroupID: groupServer,
		Short:   "Say what this machine lacks for a server",
		Long: `Looks at this machine and names each thing that stands in the way of a server,
in one line with its remedy. It changes nothing. nagi up looks at the same
things first. The exit code is 1 when a server would not run.`,
		Example: "  nagi doctor\n  sudo nagi doctor --listen 192.0.2.10 -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print the findings as JSON")
	return cmd
}

func (c *doctorCommand) Run(_ context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	config, err := c.config(c.app.dataDir)
	if err != nil {
		return err
	}
	found := c.app.engine.Check(config)
	s, running := runningServer(layout.For(config.DataDir))
	if running { // that it runs is no fault of the machine
		found = slices.DeleteFunc(found, func(f Finding) bool { return f.Name == FindingServer })
	}
	if c.output == "json" {
		if err := io.json(append([]Finding{}, found...)); err != nil {
			return err
		}
	} else {
		printDiagnosis(io, found, s, running)
	}
	if fatal(found) {
		return exitCode(Failed)
	}
	return nil
}

// FindingServer is the name of the Finding that another server holds the data
// folder.
const FindingServer = "server"

func printDiagnosis(io stdio, found []Finding, s status.Status, running bool) {
	printFindings(io, found)
	switch {
	case running && len(found) == 0:
		io.printf("Nothing is missing: a server runs here (pid %d).\n", s.PID)
	case len(found) == 0:
		io.printf("Nothing is missing: nagi up can start a server here.\n")
	case !fatal(found):
		io.printf("A server runs here all the same.\n")
	}
}

// printFindings prints one line each, what is fatal first.
func printFindings(io stdio, found []Finding) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b Finding) int { return rank(a) - rank(b) })
	for _, f := range found {
		word := "warning"
		if f.Fatal {
			word = "missing"
		}
		io.printf("%s  %s: %s; %s\n", word, f.Name, f.Problem, f.Remedy)
	}
}

func rank(f Finding) int {
	if f.Fatal {
		return 0
	}
	return 1
}

func fatal(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Fatal })
}
