package stack

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"nagi.dev/api/v1alpha1"
)

// Whatever compose makes, a real server takes it, and what the server adds is
// not mistaken for a change.
func TestEveryGoldenObjectIsTakenAndStands(t *testing.T) {
	files, err := filepath.Glob("../testdata/objects/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b := newBench(t, shop)
			objs := golden(t, f)
			b.loop.translator.objects = func(*v1alpha1.Stack) ([]Object, error) { return b.asShop(objs), nil }
			b.pass()
			for _, c := range b.stack().Status.Conditions {
				if c.Type == v1alpha1.ConditionStalled && c.Status == "True" {
					t.Fatalf("stalled: %s: %s", c.Reason, c.Message)
				}
			}
			// What the first pass made is seen by the second, whose status may say
			// so: a CronJob is ready as soon as it is there.
			seen, err := b.loop.observe(t.Context(), b.stack())
			if err != nil {
				t.Fatal(err)
			}
			if again := actions(Decide(seen)); len(again) != 0 {
				t.Errorf("the second pass would do %q", again)
			}
			b.pass()
			if n := b.pass(); n != 0 {
				t.Errorf("the third pass wrote %d times", n)
			}
		})
	}
}

// golden returns the objects of the file want.yaml in an archive.
func golden(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objs []*unstructured.Unstructured
	for _, f := range a.Files {
		if f.Name != "want.yaml" {
			continue
		}
		for d := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(f.Data), 4096); ; {
			u := &unstructured.Unstructured{}
			if err := d.Decode(&u.Object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			objs = append(objs, u)
		}
	}
	return objs
}

// asShop moves objects into the stack and namespace of the bench.
func (b *bench) asShop(objs []*unstructured.Unstructured) []Object {
	var all []Object
	for _, o := range objs {
		u := o.DeepCopy()
		u.SetNamespace(b.ns)
		labels := u.GetLabels()
		labels[v1alpha1.StackLabel] = "shop"
		u.SetLabels(labels)
		all = append(all, u)
	}
	return all
}
