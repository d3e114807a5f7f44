package cli

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"nagi.dev/api/crds"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
	"sigs.k8s.io/yaml"
)

type patternsCommand struct {
	clusterFlags
	app       *app
	namespace string
	output    string
}

// A patternRow is one object in the stable output of nagi patterns -o json.
type patternRow struct {
	Kind      string                    `json:"kind"`
	Namespace string                    `json:"namespace"`
	Name      string                    `json:"name"`
	Use       string                    `json:"use,omitempty"`
	Ready     bool                      `json:"ready"`
	Pods      *v1alpha1.PodsStatus      `json:"pods,omitempty"`      // of kinds that reach into pods
	Endpoints *v1alpha1.EndpointsStatus `json:"endpoints,omitempty"` // of kinds that send to somebody
	Reason    string                    `json:"reason,omitempty"`
	Message   string                    `json:"message,omitempty"`
}

// A patternKind is one kind of this version.
type patternKind struct {
	Kind  string `json:"kind"`
	Short string `json:"short"`
	About string `json:"about"`
}

func (a *app) patternsCmd() *cobra.Command {
	c := &patternsCommand{app: a}
	cmd := &cobra.Command{
		Use:     "patterns",
		GroupID: groupCluster,
		Short:   "List the kinds that are patterns, and what runs of them",
		Long: `Lists the kinds that are patterns of distributed systems, and every object of
them: whether it is ready, the pods that it is in, who answers behind it.`,
		Example: "  nagi patterns\n  nagi patterns -n shop -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	c.add(cmd.Flags())
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "only this namespace")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *patternsCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	kinds, err := patternKinds()
	if err != nil {
		return err
	}
	cl, err := c.app.dial(c.clusterFlags)
	if err != nil {
		return err
	}
	rows := []patternRow{}
	for _, k := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(k.Kind + "List"))
		if err := cl.objects.List(ctx, list, kube.InNamespace(c.namespace)); meta.IsNoMatchError(err) {
			continue // a cluster of an earlier version
		} else if err != nil {
			return plain("list "+k.Kind, err)
		}
		for _, o := range list.Items {
			rows = append(rows, patternRowOf(o))
		}
	}
	if c.output == "json" {
		return io.json(map[string]any{"kinds": kinds, "objects": rows})
	}
	patternKindTable(kinds).print(io.Out)
	if len(rows) > 0 {
		fmt.Fprintln(io.Out)
	}
	patternTable(rows).print(io.Out)
	return nil
}

// patternKinds reads the definitions that this program carries.
func patternKinds() ([]patternKind, error) {
	files, err := fs.Glob(crds.FS, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	var all []patternKind
	for _, f := range files {
		text, err := crds.FS.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read definition: %w", err)
		}
		var crd struct {
			Spec struct {
				Names    crdNames
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema struct{ Description string } `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			return nil, fmt.Errorf("read definition %s: %w", f, err)
		}
		n := crd.Spec.Names
		if slices.Contains(n.Categories, "patterns") && len(n.ShortNames) > 0 && len(crd.Spec.Versions) > 0 {
			about, _, _ := strings.Cut(strings.Join(strings.Fields(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Description), " "), ". ")
			all = append(all, patternKind{n.Kind, n.ShortNames[0], strings.TrimSuffix(about, ".")})
		}
	}
	return all, nil
}

// crdNames are those of a definition.
type crdNames struct {
	Kind       string
	ShortNames []string
	Categories []string
}

// patternRowOf reads what every pattern's status has.
func patternRowOf(o unstructured.Unstructured) patternRow {
	var s struct {
		Status struct {
			Use        string                    `json:"use"`
			Pods       *v1alpha1.PodsStatus      `json:"pods"`
			Endpoints  *v1alpha1.EndpointsStatus `json:"endpoints"`
			Conditions []metav1.Condition        `json:"conditions"`
		} `json:"status"`
	}
	r := patternRow{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &s); err != nil {
		r.Message = err.Error()
		return r
	}
	r.Use, r.Pods, r.Endpoints = s.Status.Use, s.Status.Pods, s.Status.Endpoints
	if c := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		r.Ready, r.Reason, r.Message = c.Status == metav1.ConditionTrue, c.Reason, c.Message
	}
	return r
}

func patternKindTable(kinds []patternKind) *table {
	t := &table{head: []string{"KIND", "SHORT", "WHAT IT IS"}}
	for _, k := range kinds {
		t.add(k.Kind, k.Short, k.About)
	}
	return t
}

func patternTable(rows []patternRow) *table {
	t := &table{head: []string{"PATTERN", "USE", "READY", "PODS", "ENDPOINTS", "REASON"}}
	for _, r := range rows {
		ready, pods, ends := "no", "-", "-"
		if r.Ready {
			ready = "yes"
		}
		if r.Pods != nil {
			pods = fmt.Sprintf("%d/%d", r.Pods.Injected, r.Pods.Selected)
		}
		if r.Endpoints != nil {
			ends = fmt.Sprintf("%d/%d", r.Endpoints.Ready, r.Endpoints.Known)
		}
		t.add(r.Namespace+"/"+r.Name+" ("+r.Kind+")", dash(r.Use), ready, pods, ends, cut(because(r.Reason, r.Message), glance))
	}
	return t
}
