package compose

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The document is made of the table and of the objects: whoever changes either
// makes it anew with make generate.
func TestTheMappingIsUpToDate(t *testing.T) {
	var got bytes.Buffer
	if err := WriteMapping(t.Context(), &got, "mapping/samples"); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../docs/compose.md")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("run make generate (-docs/compose.md +now):\n%s", d)
	}
}

func TestGatheredNamesWhatIsNewAsAWhole(t *testing.T) {
	got := gathered([]string{
		"Deployment spec.template.spec.initContainers[].name", "Deployment spec.template.spec.initContainers[].image",
		"Service apiVersion", "Service kind", "Deployment spec.replicas",
	})
	want := []string{"`Deployment: spec.replicas`", "`a Service`", "`pod: initContainers[]`"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
