package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"nagi.dev/api/v1alpha1"
)

type psCommand struct {
	clusterFlags
	app       *app
	stacks    []string
	namespace string
	all       bool
	output    string
}

// A psRow is one workload in the stable output of nagi ps -o json.
type psRow struct {
	Stack     string    `json:"stack,omitempty"` // "" for what no compose file made
	Namespace string    `json:"namespace"`
	Service   string    `json:"service"`
	Host      string    `json:"host,omitempty"` // the service in whose pods it runs, when not in its own
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	Ready     int32     `json:"ready"`
	Wanted    int32     `json:"wanted"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	Addresses []string  `json:"addresses,omitempty"`
	Image     string    `json:"image,omitempty"`
	Revision  int64     `json:"revision,omitempty"` // of the stack, in which its pods last changed
	Updated   time.Time `json:"updated,omitzero"`   // since when that revision is there
	ScaledBy  string    `json:"scaledBy,omitempty"` // who keeps the number of replicas in place of the file
}

func (a *app) psCmd() *cobra.Command {
	c := &psCommand{app: a}
	cmd := &cobra.Command{
		Use:     "ps [STACK...]",
		GroupID: groupStack,
		Short:   "List the stacks and how each service is",
		Long: `Lists the services of every stack, or of those named: how many replicas are
ready, since when it is so, which revision of the file it runs, where published
ports answer, and why it is not ready.`,
		Example: "  nagi ps\n  nagi ps vote -o json\n  nagi ps -A",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.stacks = args
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "only this namespace")
	cmd.Flags().BoolVarP(&c.all, "all", "A", false, "also workloads that no compose file made")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *psCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	rows, err := c.rows(ctx, cl)
	if err != nil {
		return err
	}
	if c.output == "json" {
		return io.json(rows)
	}
	if len(rows) == 0 {
		io.note("Nothing runs yet; nagi deploy runs the compose file of a folder.")
	}
	psTable(rows).print(io.Out)
	return nil
}

func (c *psCommand) rows(ctx context.Context, cl cluster) ([]psRow, error) {
	stacks, err := cl.listStacks(ctx, c.namespace)
	if err != nil {
		return nil, err
	}
	for _, want := range c.stacks {
		if !slices.ContainsFunc(stacks, func(s v1alpha1.Stack) bool { return s.Name == want }) {
			return nil, fmt.Errorf("stack %s: there is none; nagi ps lists all", want)
		}
	}
	rows := []psRow{}
	for _, s := range stacks {
		if len(c.stacks) == 0 || slices.Contains(c.stacks, s.Name) {
			rows = append(rows, stackRows(s)...)
		}
	}
	if c.all && len(c.stacks) == 0 {
		others, err := cl.foreign(ctx, c.namespace)
		if err != nil {
			return nil, err
		}
		rows = append(rows, others...)
	}
	return rows, nil
}

// stackRows has one row a service; a stack without any has one that says why.
func stackRows(s v1alpha1.Stack) []psRow {
	var rows []psRow
	for _, v := range s.Status.Services {
		rows = append(rows, psRow{
			Stack: s.Name, Namespace: s.Namespace, Service: v.Name, Host: v.Host, Kind: v.Kind, State: v.State,
			Ready: v.Ready, Wanted: v.Wanted, Reason: v.Reason, Message: v.Message,
			Since: v.Since.Time, Addresses: v.Addresses, Image: v.Image,
			Revision: v.Revision, Updated: v.Updated.Time, ScaledBy: v.ScaledBy,
		})
	}
	if len(rows) > 0 {
		return rows
	}
	row := psRow{Stack: s.Name, Namespace: s.Namespace, Service: "-", State: v1alpha1.ServiceProgressing, Since: s.CreationTimestamp.Time}
	if r := stalled(s.Status.Conditions); r != nil {
		row.State, row.Reason, row.Message = v1alpha1.ServiceFailed, r.Reason, r.Message
	}
	return []psRow{row}
}

// stalled returns the condition that says the stack will not get anywhere.
func stalled(conditions []metav1.Condition) *metav1.Condition {
	for i, c := range conditions {
		if c.Type == v1alpha1.ConditionStalled && c.Status == metav1.ConditionTrue {
			return &conditions[i]
		}
	}
	return nil
}

func psTable(rows []psRow) *table {
	t := &table{head: []string{"STACK", "SERVICE", "STATE", "READY", "AGE", "REVISION", "ADDRESS", "REASON"}}
	for _, r := range rows {
		stack := r.Stack
		switch {
		case stack == "":
			stack = "(" + r.Namespace + ")"
		case r.Namespace != stack:
			stack = r.Namespace + "/" + stack
		}
		t.add(stack, r.Service, r.State, fmt.Sprintf("%d/%d", r.Ready, r.Wanted), age(r.Since), revision(r),
			dash(strings.Join(r.Addresses, " ")), cut(r.why(), glance))
	}
	return t
}

// revision says what a service runs, and since when: "3 (2h)".
func revision(r psRow) string {
	if r.Revision == 0 {
		return "-"
	}
	return fmt.Sprintf("%d (%s)", r.Revision, age(r.Updated))
}

// why says what is worth knowing of a service beyond its state.
func (r psRow) why() string {
	why := []string{because(r.Reason, r.Message)}
	if r.Host != "" {
		why = append(why, "in the pod of "+r.Host)
	}
	if r.ScaledBy != "" {
		why = append(why, "scaled by "+r.ScaledBy)
	}
	return strings.Join(slices.DeleteFunc(why, func(s string) bool { return s == "" }), "; ")
}

// because joins a reason and its message without saying anything twice.
func because(reason, message string) string {
	message = oneLine(message)
	if reason == "" || strings.Contains(message, reason) {
		return message
	}
	if message == "" {
		return reason
	}
	return reason + ": " + message
}
