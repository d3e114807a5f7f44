package compose

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"nagi.dev/api/v1alpha1"
)

// A chart with its own values is the objects that Render prints: for every
// project of testdata/objects.
func TestAChartWithItsOwnValuesIsTheObjects(t *testing.T) {
	for _, name := range archives(t) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		project, assets := readCase(t, a)
		objs, err := Objects(project, assets, ObjectOptions{Portable: true, PlaneImage: "plane"})
		if err != nil {
			continue // a case of a fault
		}
		files, err := Chart("demo", objs)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(documents(t, string(rendered(t, objs))), documents(t, installed(t, files))); d != "" {
			t.Errorf("%s (-objects +chart):\n%s", name, d)
		}
	}
}

// installed fills in a chart as helm does.
func installed(t *testing.T, files []ChartFile) string {
	t.Helper()
	values := map[string]any{}
	for _, f := range files {
		if f.Path == "values.yaml" {
			if err := yaml.Unmarshal(f.Data, &values); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []string
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "templates/") {
			continue
		}
		text, err := template.New(f.Path).Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(string(f.Data))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		release := map[string]string{"Namespace": "demo", "Service": v1alpha1.ManagedBy}
		if err := text.Execute(&out, map[string]any{"Values": values, "Release": release}); err != nil {
			t.Fatal(err)
		}
		all = append(all, out.String())
	}
	return strings.Join(all, "---\n")
}

// documents reads objects by kind and name, without their namespace.
func documents(t *testing.T, text string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for doc := range strings.SplitSeq(text, "---\n") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if o == nil {
			continue
		}
		meta := o["metadata"].(map[string]any)
		delete(meta, "namespace")
		all[o["kind"].(string)+" "+meta["name"].(string)] = o
	}
	return all
}

func TestNeedsNamesWhatNotEveryClusterHas(t *testing.T) {
	project := loadText(t, `
services:
  web: {image: nginx, ports: ["80:80"], depends_on: [db], stop_signal: SIGINT, hostname: a.example, volumes: ["data:/data"]}
  db: {image: postgres, privileged: true}
volumes: {data: }
`)
	objs, err := Objects(project, nil, ObjectOptions{Portable: true, PlaneImage: "plane"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a default StorageClass (data)",
		"a network plugin that enforces NetworkPolicies (network-default, web-published)",
		"a load balancer for Services (web-published)",
		"a namespace that lets pods be privileged (db)",
		"the image plane, which it must be able to pull: nagi image save plane writes it, --plane-image names it (web)",
		"the feature gate ContainerStopSignals: without it the image's own stop signal is sent (web)",
		"the feature gate HostnameOverride: without it the pod's own name is seen (web)",
	}
	if d := cmp.Diff(want, Needs(objs)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestLeftOutNamesWhatOnlyOurRuntimeHas(t *testing.T) {
	project := loadText(t, `
services:
  web: {image: nginx, user: "33", ulimits: {nofile: 9}, umask: 0o27, pre_start: [{command: "true", user: bob}]}
  db: {image: postgres, group_add: ["7", staff], sysctls: {net.core.somaxconn: "9"}, pids_limit: 5, oom_score_adj: 5}
  plain: {image: busybox, user: "0:0", sysctls: {net.ipv4.tcp_syncookies: "1"}}
`)
	want := []string{"db: group_add by name, oom_score_adj, pids_limit, sysctls", "web: ulimits, umask, user by name"}
	if d := cmp.Diff(want, LeftOut(project)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
