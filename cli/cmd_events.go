package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type eventsCommand struct {
	clusterFlags
	app       *app
	namespace string
	follow    bool
	warnings  bool
}

func (a *app) eventsCmd() *cobra.Command {
	c := &eventsCommand{app: a}
	cmd := &cobra.Command{
		Use:     "events",
		GroupID: groupCluster,
		Short:   "List what happened in the cluster, newest last",
		Long:    "Lists the events of the last hour in all namespaces, or in one, newest last.",
		Example: "  nagi events\n  nagi events -f -n vote --warnings",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "only this namespace")
	cmd.Flags().BoolVarP(&c.follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().BoolVar(&c.warnings, "warnings", false, "only warnings")
	return cmd
}

func (c *eventsCommand) Run(ctx context.Context, io stdio) error {
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	seen := map[string]int32{}
	events, err := c.list(ctx, cl)
	if err != nil {
		return err
	}
	if len(events) == 0 && !c.follow {
		io.note("Nothing has happened in the last hour.")
		return nil
	}
	c.print(io, fresh(events, seen), true)
	if !c.follow {
		return nil
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for pause(ctx, look.C) {
		events, err := c.list(ctx, cl)
		if err != nil {
			continue // the API server may be restarting
		}
		c.print(io, fresh(events, seen), false)
	}
	return nil
}

// list returns the events, oldest first.
func (c *eventsCommand) list(ctx context.Context, cl cluster) ([]corev1.Event, error) {
	o := metav1.ListOptions{}
	if c.warnings {
		o.FieldSelector = "type=Warning"
	}
	list, err := cl.CoreV1().Events(c.namespace).List(ctx, o)
	if err != nil {
		return nil, plain("list events", err)
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return happened(a).Compare(happened(b)) })
	return list.Items, nil
}

// happened is when an event was last seen; old and new reporters note it in
// different fields.
func happened(e corev1.Event) time.Time {
	latest := e.CreationTimestamp.Time
	for _, t := range []time.Time{e.EventTime.Time, e.FirstTimestamp.Time, e.LastTimestamp.Time} {
		if t.After(latest) {
			latest = t
		}
	}
	if e.Series != nil && e.Series.LastObservedTime.After(latest) {
		latest = e.Series.LastObservedTime.Time
	}
	return latest
}

// fresh returns the events that are not in seen, or happened again, and adds
// them to it.
func fresh(events []corev1.Event, seen map[string]int32) []corev1.Event {
	var news []corev1.Event
	for _, e := range events {
		n := times(e)
		if before, ok := seen[string(e.UID)]; ok && before >= n {
			continue
		}
		seen[string(e.UID)] = n
		news = append(news, e)
	}
	return news
}

func times(e corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return max(1, e.Count)
}

func (c *eventsCommand) print(io stdio, events []corev1.Event, head bool) {
	if head {
		printEvent(io.Out, "AGE", "NAMESPACE", "TYPE", "OBJECT", "REASON", "MESSAGE")
	}
	for _, e := range events {
		message := oneLine(e.Message)
		if n := times(e); n > 1 {
			message += fmt.Sprintf(" (%d times)", n)
		}
		object := strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		printEvent(io.Out, age(happened(e)), dash(e.InvolvedObject.Namespace), e.Type, object, e.Reason, message)
	}
}

// printEvent lines up with the events before and after it, which a table of
// its own could not.
func printEvent(w io.Writer, when, namespace, kind, object, reason, message string) {
	text := fmt.Sprintf("%-5s %-12s %-8s %-36s %-18s %s", when, namespace, kind, object, reason, message)
	if terminal(w) {
		text = cut(text, width(w))
	}
	fmt.Fprintln(w, text)
}
