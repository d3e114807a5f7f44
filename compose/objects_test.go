package compose

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"nagi.dev/api/v1alpha1"
)

var updateObjects = flag.Bool("update-objects", false, "rewrite testdata/objects")

// testOptions keep the release out of the expected objects.
var testOptions = ObjectOptions{PlaneImage: "nagi.dev/plane:test"}

// TestObjects holds each archive of testdata/objects: compose.yaml and, where
// files are mounted, assets.yaml become want.yaml, or the fault in want.txt.
func TestObjects(t *testing.T) {
	for _, name := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			project, assets := readCase(t, a)
			objs, err := Objects(project, assets, testOptions)
			got := txtar.File{Name: "want.yaml", Data: rendered(t, objs)}
			if err != nil {
				got = txtar.File{Name: "want.txt", Data: []byte(err.Error() + "\n")}
			}
			for _, o := range objs {
				checkObject(t, o)
			}
			compareCase(t, name, a, got)
		})
	}
}

// TestObjectsAreTheSameEveryTime makes the same objects a hundred times.
func TestObjectsAreTheSameEveryTime(t *testing.T) {
	for _, name := range archives(t) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		project, assets := readCase(t, a)
		first, firstErr := Objects(project, assets, testOptions)
		for range 99 {
			objs, err := Objects(project, assets, testOptions)
			if fmt.Sprint(err) != fmt.Sprint(firstErr) {
				t.Fatalf("%s: error %v, then %v", name, firstErr, err)
			}
			if !cmp.Equal(first, objs) {
				t.Fatalf("%s: another run gave other objects:\n%s", name, cmp.Diff(first, objs))
			}
		}
	}
}

func TestObjectsGoIntoTheNamespaceThatIsAskedFor(t *testing.T) {
	project := loadText(t, "services: {web: {image: nginx, depends_on: [db]}, db: {image: postgres}}")
	objs, err := Objects(project, nil, ObjectOptions{Namespace: "other"})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objs {
		if o.GetNamespace() != "other" {
			t.Errorf("%s is in namespace %q", o.GetName(), o.GetNamespace())
		}
	}
}

// FuzzObjects holds that whatever text a Stack has ends in objects or an
// error: a panic would take the controller with it.
func FuzzObjects(f *testing.F) {
	for _, name := range archives(f) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("name: demo\n" + string(a.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		project, err := Parse(text, nil)
		if err != nil {
			return
		}
		if objs, err := Objects(project, nil, testOptions); err == nil {
			rendered(t, objs)
		}
	})
}

func archives(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/objects/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return names
}

func readCase(t *testing.T, a *txtar.Archive) (*types.Project, []v1alpha1.Asset) {
	t.Helper()
	var project *types.Project
	var assets []v1alpha1.Asset
	for _, f := range a.Files {
		switch f.Name {
		case "compose.yaml":
			project = loadText(t, string(f.Data))
		case "assets.yaml":
			if err := yaml.UnmarshalStrict(f.Data, &assets); err != nil {
				t.Fatal(err)
			}
		}
	}
	return project, assets
}

func loadText(t *testing.T, text string) *types.Project {
	t.Helper()
	details := types.ConfigDetails{
		WorkingDir:  "/project",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}},
		Environment: types.Mapping{},
	}
	p, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) {
		o.SetProjectName("demo", true)
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func rendered(t *testing.T, objs []Object) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Render(&out, objs); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compareCase(t *testing.T, name string, a *txtar.Archive, got txtar.File) {
	t.Helper()
	var want txtar.File
	var given []txtar.File
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "want.") {
			want = f
		} else {
			given = append(given, f)
		}
	}
	if *updateObjects {
		a.Files = append(given, got)
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want.Name != got.Name || !bytes.Equal(want.Data, got.Data) {
		t.Errorf("%s (-want +got):\n%s", got.Name, cmp.Diff(string(want.Data), string(got.Data)))
	}
}

// checkObject holds what the API server holds and apimachinery can tell.
func checkObject(t *testing.T, o Object) {
	t.Helper()
	where := o.GetObjectKind().GroupVersionKind().Kind + " " + o.GetName()
	if msgs := validation.IsDNS1123Label(o.GetName()); len(msgs) > 0 {
		t.Errorf("%s: %v", where, msgs)
	}
	if o.GetLabels()[v1alpha1.ManagedByLabel] != v1alpha1.ManagedBy || o.GetLabels()[v1alpha1.StackLabel] == "" {
		t.Errorf("%s lacks the labels of its stack: %v", where, o.GetLabels())
	}
	checkMarks(t, where, o.GetLabels(), o.GetAnnotations())
	if template := podTemplate(o); template != nil {
		checkMarks(t, where+" template", template.Labels, template.Annotations)
		checkPod(t, where, template.Spec)
	}
}

func checkMarks(t *testing.T, where string, labels, annotations map[string]string) {
	t.Helper()
	for _, err := range metav1validation.ValidateLabels(labels, field.NewPath("labels")) {
		t.Errorf("%s: %v", where, err)
	}
	for _, err := range apivalidation.ValidateAnnotations(annotations, field.NewPath("annotations")) {
		t.Errorf("%s: %v", where, err)
	}
}

func podTemplate(o Object) *corev1.PodTemplateSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	case *batchv1.Job:
		return &o.Spec.Template
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template
	}
	return nil
}

// checkPod holds that each mount has its volume and its own place.
func checkPod(t *testing.T, where string, pod corev1.PodSpec) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		if msgs := validation.IsDNS1123Label(v.Name); len(msgs) > 0 || volumes[v.Name] {
			t.Errorf("%s: volume %q is there twice or badly named: %v", where, v.Name, msgs)
		}
		volumes[v.Name] = true
	}
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		taken := map[string]bool{}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] || taken[m.MountPath] {
				t.Errorf("%s: mount %s at %s has no volume, or its place is taken", where, m.Name, m.MountPath)
			}
			taken[m.MountPath] = true
		}
	}
}
