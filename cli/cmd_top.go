package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type topCommand struct {
	clusterFlags
	app       *app
	namespace string
	output    string
}

// A topReport is the stable output of nagi top -o json.
type topReport struct {
	Nodes []usageOf `json:"nodes"`
	Pods  []usageOf `json:"pods"`
}

type usageOf struct {
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name"`
	Cores     float64 `json:"cores"`
	Memory    int64   `json:"memory"` // bytes of the working set
	Free      int64   `json:"free,omitempty"`
}

func (a *app) topCmd() *cobra.Command {
	c := &topCommand{app: a}
	cmd := &cobra.Command{
		Use:     "top",
		GroupID: groupCluster,
		Short:   "Show what nodes and pods use of processor and memory",
		Long: `Shows the processor and memory that each node and pod uses now, the largest
first. It asks the nodes themselves: nothing needs to be installed.`,
		Example: "  nagi top\n  nagi top -n vote -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "only pods of this namespace")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *topCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	r, err := cl.usage(ctx, c.namespace)
	if err != nil {
		return err
	}
	if c.output == "json" {
		return io.json(r)
	}
	if len(r.Nodes) == 0 {
		io.note("There is no node: this server is an API alone.")
	}
	nodes := &table{head: []string{"NODE", "CPU", "MEMORY", "FREE"}}
	for _, n := range r.Nodes {
		nodes.add(n.Name, milli(n.Cores), byteCount(n.Memory), byteCount(n.Free))
	}
	nodes.print(io.Out)
	pods := &table{head: []string{"NAMESPACE", "POD", "CPU", "MEMORY"}}
	for _, p := range r.Pods {
		pods.add(p.Namespace, p.Name, milli(p.Cores), byteCount(p.Memory))
	}
	if len(r.Pods) > 0 {
		io.printf("\n")
	}
	pods.print(io.Out)
	return nil
}

// milli writes cores in thousandths, as Kubernetes does: 0.25 is "250m".
func milli(cores float64) string { return fmt.Sprintf("%.0fm", cores*1000) }

// usage asks the kubelet of every node for what it measured last.
func (c cluster) usage(ctx context.Context, namespace string) (topReport, error) {
	r := topReport{Nodes: []usageOf{}, Pods: []usageOf{}}
	nodes, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return r, plain("list nodes", err)
	}
	for _, n := range nodes.Items {
		b, err := c.CoreV1().RESTClient().Get().Resource("nodes").Name(n.Name).
			SubResource("proxy").Suffix("stats/summary").DoRaw(ctx)
		if err != nil {
			return r, plain("ask node "+n.Name, err)
		}
		if err := r.add(b, namespace); err != nil {
			return r, fmt.Errorf("read answer of node %s: %w", n.Name, err)
		}
	}
	slices.SortFunc(r.Pods, func(a, b usageOf) int {
		return cmp.Or(cmp.Compare(b.Memory, a.Memory), cmp.Compare(a.Name, b.Name))
	})
	return r, nil
}

// A summary is what we read of a kubelet's /stats/summary.
type summary struct {
	Node struct {
		NodeName string
		measured
	}
	Pods []struct {
		PodRef struct{ Namespace, Name string }
		measured
	}
}

type measured struct {
	CPU    struct{ UsageNanoCores int64 }
	Memory struct{ WorkingSetBytes, AvailableBytes int64 }
}

func (r *topReport) add(answer []byte, namespace string) error {
	var s summary
	if err := json.Unmarshal(answer, &s); err != nil {
		return err
	}
	n := s.Node.usage("", s.Node.NodeName)
	n.Free = s.Node.Memory.AvailableBytes
	r.Nodes = append(r.Nodes, n)
	for _, p := range s.Pods {
		if namespace == "" || p.PodRef.Namespace == namespace {
			r.Pods = append(r.Pods, p.usage(p.PodRef.Namespace, p.PodRef.Name))
		}
	}
	return nil
}

func (m measured) usage(namespace, name string) usageOf {
	return usageOf{
		Namespace: namespace, Name: name,
		Cores: float64(m.CPU.UsageNanoCores) / 1e9, Memory: m.Memory.WorkingSetBytes,
	}
}
