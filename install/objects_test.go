package install

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

func TestKindsComeFirstAndTheProgramLast(t *testing.T) {
	objs, err := Objects(Options{Image: "registry.example/platform:1", PlaneImage: "registry.example/plane:1", Namespace: "calm"})
	if err != nil {
		t.Fatal(err)
	}
	if kind := objs[0].GetObjectKind().GroupVersionKind().Kind; kind != "CustomResourceDefinition" {
		t.Errorf("the first object is a %s", kind)
	}
	d, ok := objs[len(objs)-1].(*appsv1.Deployment)
	if !ok {
		t.Fatalf("the last object is a %T", objs[len(objs)-1])
	}
	c := d.Spec.Template.Spec.Containers[0]
	if d.Namespace != "calm" || c.Image != "registry.example/platform:1" || !slices.Contains(c.Args, "registry.example/plane:1") {
		t.Errorf("namespace %s, image %s, args %q", d.Namespace, c.Image, c.Args)
	}
}

// The platform can make Roles: whatever it holds, a Role of its making can
// hand on. So it must hold no verb or group that it does not need.
func TestRightsAreNarrow(t *testing.T) {
	for _, r := range Rights() {
		if slices.Contains(r.Verbs, "*") || slices.Contains(r.Verbs, "escalate") || slices.Contains(r.Verbs, "bind") || slices.Contains(r.APIGroups, "*") {
			t.Errorf("too wide: %v", r)
		}
		if slices.Contains(r.Resources, "*") && !slices.Equal(r.APIGroups, []string{group}) {
			t.Errorf("all resources of %v", r.APIGroups)
		}
		if slices.Contains(r.Resources, "pods/exec") || slices.Contains(r.Resources, "nodes") {
			t.Errorf("more than the platform does: %v", r)
		}
	}
}
