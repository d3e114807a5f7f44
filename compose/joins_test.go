package compose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPodsOfAProject(t *testing.T) {
	p := loadText(t, `services:
  vpn: {image: a, container_name: tunnel}
  app: {image: a, network_mode: "container:tunnel", depends_on: {vpn: {condition: service_healthy}}}
  debug: {image: a, pid: "service:app"}
  alone: {image: a, pid: "container:other", depends_on: [vpn]}
  early: {image: a, ipc: "service:vpn", pre_start: [{command: [x]}]}
`)
	all := podsOf(p)
	if d := cmp.Diff(map[string][]string{"vpn": {"vpn", "app", "debug", "early"}, "alone": {"alone"}}, all.mates); d != "" {
		t.Errorf("pods (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]bool{"vpn": true}, all.ahead("vpn")); d != "" {
		t.Errorf("ahead (-want +got):\n%s", d)
	}
}

// As many services as a file may have, in one chain: each joins the one before.
func TestALongChainOfJoinsCostsLittle(t *testing.T) {
	var text strings.Builder
	text.WriteString("name: demo\nservices:\n  s000: {image: a, labels: {a: b}, init: true}\n")
	for i := 1; i < maxServices; i++ {
		fmt.Fprintf(&text, "  s%03d: {image: a, labels: {a: b}, stop_grace_period: 1s, pid: \"service:s%03d\", depends_on: {s%03d: {condition: service_healthy}}}\n", i, i-1, i-1)
	}
	before := processorTime(t)
	p, err := Parse(text.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	objs, err := Objects(p, nil, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if pod := podTemplate(objs[len(objs)-1]); len(pod.Spec.InitContainers) != maxServices-1 || len(pod.Spec.Containers) != 1 {
		t.Errorf("the pod has %d init containers and %d others", len(pod.Spec.InitContainers), len(pod.Spec.Containers))
	}
	Check(&Project{Project: p, Source: &Source{}})
	if took := processorTime(t) - before; took > 3*time.Second {
		t.Errorf("it took %s", took)
	} else {
		t.Logf("it took %s", took)
	}
}
