package compose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"nagi.dev/api/v1alpha1"
)

// A ChartFile is one file of a Helm chart.
type ChartFile struct {
	Path string // below the chart, with slashes
	Data []byte
}

// Chart writes the objects of a project as a Helm chart. What people change
// most stands in values.yaml: images, replicas, published ports. All else is
// in the templates as it is; the release says the namespace.
func Chart(name string, objs []Object) ([]ChartFile, error) {
	c := &charter{values: map[string]any{}}
	files := map[string][]byte{}
	for _, o := range objs {
		text, err := c.template(o)
		if err != nil {
			return nil, fmt.Errorf("write chart %s: %w", name, err)
		}
		file := "templates/" + cmp.Or(o.GetLabels()[v1alpha1.ServiceLabel], "stack") + ".yaml"
		if files[file] != nil {
			files[file] = append(files[file], "---\n"...)
		}
		files[file] = append(files[file], text...)
	}
	values, err := yaml.Marshal(c.values)
	if err != nil {
		return nil, fmt.Errorf("write chart %s: %w", name, err)
	}
	files["values.yaml"] = append([]byte("# What the templates take from here; the names are those of the compose file.\n"), values...)
	files["Chart.yaml"] = fmt.Appendf(nil, "apiVersion: v2\nname: %s\ndescription: The compose application %s\ntype: application\nversion: 0.1.0\n", name, name)
	var out []ChartFile
	for _, path := range slices.Sorted(maps.Keys(files)) {
		out = append(out, ChartFile{Path: path, Data: files[path]})
	}
	return out, nil
}

// A charter puts values in the place of what people change.
type charter struct {
	values  map[string]any
	marks   []string // what stands in a template for expression i
	express []string
}

// template returns an object as a template. Marks stand for the values while
// YAML is written: it would quote the braces of an expression.
func (c *charter) template(o Object) ([]byte, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(text), markStem) {
		return nil, fmt.Errorf("%s holds the text %q, which marks values", o.GetName(), markStem)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	delete(tree, "status")
	strip(tree)
	c.object(tree, o.GetLabels()[v1alpha1.ServiceLabel])
	if text, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	if text, err = yaml.JSONToYAML(escapeControls(text)); err != nil {
		return nil, err
	}
	out := strings.ReplaceAll(string(text), "{{", `{{ "{{" }}`)
	for i, mark := range c.marks {
		out = strings.ReplaceAll(out, mark, "{{ "+c.express[i]+" }}")
	}
	return []byte(out), nil
}

const markStem = "NAGIVALUE"

// mark returns the text that stands for an expression.
func (c *charter) mark(expression string) string {
	if i := slices.Index(c.express, expression); i >= 0 {
		return c.marks[i]
	}
	m := fmt.Sprintf("%s%04dEND", markStem, len(c.marks))
	c.marks, c.express = append(c.marks, m), append(c.express, expression)
	return m
}

// value notes a value and returns what stands for it.
func (c *charter) value(v any, way ...string) string {
	at := c.values
	for _, step := range way[:len(way)-1] {
		inner, ok := at[step].(map[string]any)
		if !ok {
			inner = map[string]any{}
			at[step] = inner
		}
		at = inner
	}
	at[way[len(way)-1]] = v
	expression := `index .Values "` + strings.Join(way, `" "`) + `"`
	if _, text := v.(string); text {
		expression += " | quote"
	}
	return c.mark(expression)
}

// object puts values into one object of a service; "": of none.
func (c *charter) object(tree map[string]any, service string) {
	meta, _ := tree["metadata"].(map[string]any)
	delete(meta, "namespace")
	if labels, ok := meta["labels"].(map[string]any); ok {
		labels[v1alpha1.ManagedByLabel] = c.mark(".Release.Service")
	}
	spec, _ := tree["spec"].(map[string]any)
	switch tree["kind"] {
	case "RoleBinding":
		for _, s := range listOf(tree["subjects"]) {
			s["namespace"] = c.mark(".Release.Namespace")
		}
	case kindDeployment:
		spec["replicas"] = c.value(spec["replicas"], "services", service, "replicas")
	case "Service":
		c.service(spec, service)
	}
	if job, ok := spec["jobTemplate"].(map[string]any); ok {
		spec, _ = job["spec"].(map[string]any)
	}
	if template, ok := spec["template"].(map[string]any); ok {
		pod, _ := template["spec"].(map[string]any)
		c.pod(pod)
	}
}

// service lets people choose how, and at which ports, a service is published.
func (c *charter) service(spec map[string]any, service string) {
	if spec["type"] != "LoadBalancer" {
		return
	}
	spec["type"] = c.value(spec["type"], "services", service, "publish")
	for _, p := range listOf(spec["ports"]) {
		name, _ := p["name"].(string)
		p["port"] = c.value(p["port"], "services", service, "ports", name)
	}
}

// pod puts values into the containers of services, which are called as those,
// and into what is done with their images beforehand.
func (c *charter) pod(pod map[string]any) {
	inits := listOf(pod["initContainers"])
	goesOn := func(container map[string]any) bool { return container["restartPolicy"] == "Always" }
	of := map[string]string{} // the service of each image
	for _, container := range append(listOf(pod["containers"]), inits...) {
		image, _ := container["image"].(string)
		if name, _ := container["name"].(string); goesOn(container) || !slices.ContainsFunc(inits, func(i map[string]any) bool { return i["name"] == name }) {
			of[image] = name
			container["image"] = c.value(image, "services", name, "image")
		}
	}
	for _, container := range inits {
		name, _ := container["name"].(string)
		image, _ := container["image"].(string)
		switch {
		case goesOn(container):
		case ours(name):
			container["image"] = c.value(image, "plane", "image")
		case of[image] != "":
			container["image"] = c.value(image, "services", of[image], "image")
		}
	}
}

// listOf returns the mappings of a list.
func listOf(v any) []map[string]any {
	items, _ := v.([]any)
	var out []map[string]any
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}
