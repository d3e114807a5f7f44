package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestPatternKindsAreThoseOfTheDefinitions(t *testing.T) {
	kinds, err := patternKinds()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Kind)
		if !strings.HasPrefix(k.About, "A") || strings.HasSuffix(k.About, ".") {
			t.Errorf("%s says %q of itself", k.Kind, k.About)
		}
	}
	if d := cmp.Diff([]string{"Ambassador", "ReplicatedService", "ScatterGather", "ShardedService", "Sidecar"}, names); d != "" {
		t.Error(d)
	}
}

func TestPatternTable(t *testing.T) {
	ambassador := unstructured.Unstructured{Object: map[string]any{
		"kind": "Ambassador", "metadata": map[string]any{"name": "cache", "namespace": "shop"},
		"status": map[string]any{
			"use": "shard", "pods": map[string]any{"selected": int64(2), "injected": int64(1)}, "endpoints": map[string]any{"known": int64(3), "ready": int64(3)},
			"conditions": []any{map[string]any{"type": "Ready", "status": "False", "reason": "PodsMissed", "message": "1 of 2"}},
		},
	}}
	fresh := unstructured.Unstructured{Object: map[string]any{"kind": "Sidecar", "metadata": map[string]any{"name": "topz", "namespace": "shop"}}}
	var out screen
	patternTable([]patternRow{patternRowOf(ambassador), patternRowOf(fresh)}).print(&out)
	want := `PATTERN                  USE    READY  PODS  ENDPOINTS  REASON
shop/cache (Ambassador)  shard  no     1/2   3/3        PodsMissed: 1 of 2
shop/topz (Sidecar)      -      no     -     -
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}
