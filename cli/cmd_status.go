package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

type statusCommand struct {
	app    *app
	output string
}

// A statusReport is the stable output of nagi status -o json.
type statusReport struct {
	Running bool           `json:"running"`
	DataDir string         `json:"dataDir"`
	Server  *status.Status `json:"server,omitempty"`
	Nodes   *nodeCount     `json:"nodes,omitempty"` // absent when the API does not answer
	Stacks  []stackCount   `json:"stacks,omitempty"`
	Problem string         `json:"problem,omitempty"` // why nodes and stacks are absent
}

type nodeCount struct {
	Ready int `json:"ready"`
	All   int `json:"all"`
}

type stackCount struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Ready     int    `json:"ready"` // services
	Wanted    int    `json:"wanted"`
}

func (a *app) statusCmd() *cobra.Command {
	c := &statusCommand{app: a}
	cmd := &cobra.Command{
		Use:     "status",
		GroupID: groupServer,
		Short:   "Show how the server of this machine is",
		Long: `Shows the server of this machine, its parts, its nodes and its stacks. The exit
code is 1 when no server runs or when it is not ready.`,
		Example: "  nagi status\n  nagi status -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *statusCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	r := c.observe(ctx)
	if c.output == "json" {
		if err := io.json(r); err != nil {
			return err
		}
	} else if r.Running {
		r.print(io)
	}
	switch {
	case !r.Running && c.output == "":
		return fmt.Errorf("no server is running (its data would be in %s); nagi up starts one", r.DataDir)
	case !r.Running || !r.Server.Ready:
		return exitCode(Failed)
	}
	return nil
}

// observe asks the status file, then the API.
func (c *statusCommand) observe(ctx context.Context) statusReport {
	dirs := layout.For(c.app.dataDir)
	r := statusReport{DataDir: dirs.Data}
	s, running := runningServer(dirs)
	if !running {
		return r
	}
	r.Running, r.Server = true, &s
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := r.ask(ctx, c.app); err != nil {
		r.Problem = err.Error()
	}
	return r
}

func (r *statusReport) ask(ctx context.Context, a *app) error {
	cl, err := a.dial(clusterFlags{})
	if err != nil {
		return err
	}
	ready, all, err := cl.nodeReady(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the API does not answer")
	}
	if err != nil {
		return err
	}
	r.Nodes = &nodeCount{Ready: ready, All: all}
	stacks, err := cl.listStacks(ctx, "")
	for _, s := range stacks {
		n := stackCount{Name: s.Name, Namespace: s.Namespace, Wanted: len(s.Status.Services)}
		for _, svc := range s.Status.Services {
			if settled(svc) {
				n.Ready++
			}
		}
		r.Stacks = append(r.Stacks, n)
	}
	return err
}

// settled tells whether a service is where it should be.
func settled(s v1alpha1.ServiceStatus) bool {
	return s.State == v1alpha1.ServiceReady || s.State == v1alpha1.ServiceCompleted
}

func (r *statusReport) print(io stdio) {
	s := r.Server
	how := "ready"
	if !s.Ready {
		how = "starting"
	}
	io.printf("Server    %s, version %s, up %s, pid %d\n", how, s.Version, age(s.Started), s.PID)
	io.printf("API       %s\nData      %s\n", dash(s.API), r.DataDir)
	if r.Nodes != nil && r.Nodes.All > 0 {
		io.printf("Nodes     %d of %d ready\n", r.Nodes.Ready, r.Nodes.All)
	}
	for _, n := range r.Stacks {
		io.printf("Stack     %s: %d of %d services ready\n", n.Name, n.Ready, n.Wanted)
	}
	if r.Problem != "" {
		io.printf("Cluster   %s\n", r.Problem)
	}
	t := table{head: []string{"PART", "STATE", "PID", "RESTARTS", "SINCE", "LAST ERROR"}}
	for _, p := range s.Parts {
		t.add(p.Name, p.State, number(p.PID), strconv.Itoa(p.Restarts), age(p.Since), dash(oneLine(p.Error)))
	}
	if len(t.rows) > 0 {
		io.printf("\n")
	}
	t.print(io.Out)
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
