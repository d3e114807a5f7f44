package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

type historyCommand struct {
	clusterFlags
	app       *app
	stack     string
	namespace string
	output    string
}

func (a *app) historyCmd() *cobra.Command {
	c := &historyCommand{app: a}
	cmd := &cobra.Command{
		Use:     "history",
		GroupID: groupStack,
		Short:   "List the files that a stack has run",
		Long: `Lists the last ten accepted files of a stack, the newest first: which services
each changed (+ came, - went), and how its update ended. nagi rollback goes back
to one of them. Without -p the stack is that of this folder, or the only one.`,
		Example: "  nagi history\n  nagi history -p vote -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.stack, "project-name", "p", "", "the stack (default that of this folder)")
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stack")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *historyCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	_, _, all, err := c.app.pastOf(ctx, c.clusterFlags, c.stack, c.namespace)
	if err != nil {
		return err
	}
	rows := historyRows(all)
	if c.output == "json" {
		return io.json(rows)
	}
	historyTable(rows).print(io.Out)
	return nil
}

func historyTable(rows []historyRow) *table {
	t := &table{head: []string{"REVISION", "AGE", "CHANGED", "NOTE"}}
	for _, r := range rows {
		number := fmt.Sprint(r.Revision)
		if r.Current {
			number += " *"
		}
		t.add(number, age(r.Accepted), cut(dash(strings.Join(r.Changed, ", ")), glance), cut(oneLine(r.Note), glance))
	}
	return t
}
