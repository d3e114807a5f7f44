package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/kubetest"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

const shop = `
services:
  web:
    image: nginx:1.27
    ports: ["8080:80"]
    depends_on:
      db: {condition: service_started}
  db:
    image: postgres:17
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
`

func TestReconcileMakesTheObjectsOnce(t *testing.T) {
	b := newBench(t, shop)
	b.pass()
	for _, o := range []Object{
		b.get(&appsv1.Deployment{}, "web"), b.get(&appsv1.Deployment{}, "db"), b.get(&corev1.Service{}, "web"),
		b.get(&corev1.Service{}, "web-published"), b.get(&corev1.ServiceAccount{}, "nagi-stack"),
	} {
		if !metav1.IsControlledBy(o, b.stack()) {
			t.Errorf("%s is not owned by the stack", o.GetName())
		}
	}
	if got := b.get(&corev1.PersistentVolumeClaim{}, "data"); len(got.GetOwnerReferences()) > 0 {
		t.Errorf("the volume would go with the stack: %v", got.GetOwnerReferences())
	}
	if got := b.stack().Status.Summary; got != "0/2" {
		t.Errorf("summary = %q", got)
	}
	one := b.stack()
	if n := b.pass(); n != 0 {
		t.Errorf("the second pass wrote %d times: %s", n, cmp.Diff(one.Status, b.stack().Status))
	}
}

func TestReconcilePutsBackWhatWasChangedByHand(t *testing.T) {
	b := newBench(t, shop)
	b.pass()
	web := b.get(&appsv1.Deployment{}, "web").(*appsv1.Deployment)
	web.Spec.Template.Spec.Containers[0].Image = "other"
	web.Spec.Replicas = new(int32(7))
	delete(web.Labels, v1alpha1.ManagedByLabel)
	b.update(web)
	b.remove(b.get(&corev1.Service{}, "web"))
	if n := b.pass(); n == 0 {
		t.Error("nothing was put back")
	}
	web = b.get(&appsv1.Deployment{}, "web").(*appsv1.Deployment)
	if got := web.Spec.Template.Spec.Containers[0].Image; got != "nginx:1.27" || *web.Spec.Replicas != 1 || web.Labels[v1alpha1.ManagedByLabel] == "" {
		t.Errorf("image %s, replicas %d, labels %v", got, *web.Spec.Replicas, web.Labels)
	}
	b.get(&corev1.Service{}, "web")
	if n := b.pass(); n != 0 {
		t.Errorf("the pass after it wrote %d times", n)
	}
}

func TestReconcileTakesAwayWhatWasAddedByHand(t *testing.T) {
	b := newBench(t, shop)
	b.pass()
	b.kubectl("Deployment", "apps/v1", "web", `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"EXTRA","value":"1"}]}]}}}}`)
	b.kubectl("Service", "v1", "web-published", `{"spec":{"ports":[{"port":9999,"name":"extra","protocol":"TCP","targetPort":80}]}}`)
	b.pass()
	if got := b.get(&appsv1.Deployment{}, "web").(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Env; len(got) > 0 {
		t.Errorf("variables = %+v", got)
	}
	if got := b.get(&corev1.Service{}, "web-published").(*corev1.Service).Spec.Ports; len(got) != 1 || got[0].Port != 8080 {
		t.Errorf("ports = %+v", got)
	}
	if n := b.pass(); n != 0 {
		t.Errorf("the pass after it wrote %d times", n)
	}
}

func TestReconcileKeepsAHistoryAndItsAssets(t *testing.T) {
	text := "services:\n  web:\n    image: nginx:%d\n    configs: [conf]\nconfigs:\n  conf: {external: true}\n"
	b := newBench(t, fmt.Sprintf(text, 0))
	b.asset("shop-conf-0")
	b.names("shop-conf-0")
	b.pass()
	for i := range keptRevisions + 1 {
		b.compose(fmt.Sprintf(text, i+1))
		b.asset(fmt.Sprint("shop-conf-", i+1))
		b.names(fmt.Sprint("shop-conf-", i+1))
		b.pass()
		b.ready("web")
		b.pass()
		if n := b.pass(); n != 0 {
			t.Errorf("a third pass wrote %d times", n)
		}
	}
	var numbers []int64
	for _, r := range b.revisions() {
		numbers = append(numbers, r.Number)
	}
	if want := []int64{3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(numbers, want) {
		t.Errorf("revisions %v, want %v", numbers, want)
	}
	b.gone(&corev1.ConfigMap{}, "shop-conf-1")
	b.get(&corev1.ConfigMap{}, "shop-conf-2") // revision 3 names it
	if st := b.stack().Status; st.Revision != 12 || st.Services[0].Revision != 12 {
		t.Errorf("status = %+v", st)
	}
}

func TestReconcileFollowsTheFile(t *testing.T) {
	b := newBench(t, shop)
	b.pass()
	b.compose("services:\n  web:\n    image: nginx:1.28\n")
	b.pass()
	if got := b.get(&appsv1.Deployment{}, "web").(*appsv1.Deployment); got.Spec.Template.Spec.Containers[0].Image != "nginx:1.28" || len(got.Spec.Template.Spec.InitContainers) > 0 {
		t.Errorf("pod template = %+v", got.Spec.Template.Spec)
	}
	b.gone(&appsv1.Deployment{}, "db")
	b.gone(&corev1.Service{}, "web-published")
	b.gone(&corev1.ServiceAccount{}, "nagi-stack")
	b.get(&corev1.PersistentVolumeClaim{}, "data")
	if got := b.stack().Status.Released; len(got) != 1 || got[0] != "data" {
		t.Errorf("released = %q", got)
	}
	if n := b.pass(); n != 0 {
		t.Errorf("the pass after it wrote %d times", n)
	}
}

func TestReconcileOfABrokenTextTouchesNothing(t *testing.T) {
	b := newBench(t, shop)
	b.pass()
	before := b.get(&appsv1.Deployment{}, "web").GetResourceVersion()
	b.compose("services: [")
	if n := b.pass(); n != 1 {
		t.Errorf("the pass wrote %d times, want its status only", n)
	}
	if got := b.get(&appsv1.Deployment{}, "web").GetResourceVersion(); got != before {
		t.Error("the deployment was touched")
	}
	st := b.stack()
	c := meta.FindStatusCondition(st.Status.Conditions, v1alpha1.ConditionStalled)
	if c == nil || c.Reason != v1alpha1.ReasonInvalid || st.Status.ObservedGeneration != st.Generation || len(st.Status.Services) != 2 {
		t.Errorf("status = %+v", st.Status)
	}
}

func TestReconcileLeavesReplicasToAnAutoscaler(t *testing.T) {
	b := newBench(t, shop)
	b.pass()
	b.scale("web", 5, "kube-controller-manager")
	b.pass()
	if got := b.get(&appsv1.Deployment{}, "web").(*appsv1.Deployment); *got.Spec.Replicas != 5 {
		t.Errorf("replicas = %d, want the autoscaler's 5", *got.Spec.Replicas)
	}
	if n := b.pass(); n != 0 {
		t.Errorf("the pass after it wrote %d times", n)
	}
	b.scale("db", 5, "kubectl")
	b.pass()
	if got := b.get(&appsv1.Deployment{}, "db").(*appsv1.Deployment); *got.Spec.Replicas != 5 {
		t.Errorf("replicas = %d after kubectl scale, want its 5", *got.Spec.Replicas)
	}
	if got := b.stack().Status.Services[0]; got.ScaledBy != "kubectl" || got.Wanted != 5 {
		t.Errorf("status = %+v", got)
	}
}

func TestReconcileMakesAJobAnewWhenItsTemplateChanges(t *testing.T) {
	job := "services:\n  migrate:\n    image: tool:1\n    deploy: {mode: replicated-job}\n"
	b := newBench(t, job)
	b.pass()
	old := b.get(&batchv1.Job{}, "migrate")
	b.compose(strings.Replace(job, "tool:1", "tool:2", 1))
	b.pass()
	dying := b.get(&batchv1.Job{}, "migrate") // it waits for its pods
	if dying.GetDeletionTimestamp() == nil {
		t.Fatal("the old job was not deleted")
	}
	if n := b.pass(); n != 0 {
		t.Errorf("a pass wrote %d times while the old job goes", n)
	}
	dying.SetFinalizers(nil)
	b.update(dying)
	b.pass()
	if got := b.get(&batchv1.Job{}, "migrate").(*batchv1.Job); got.UID == old.GetUID() || got.Spec.Template.Spec.Containers[0].Image != "tool:2" {
		t.Errorf("job %s runs %s", got.UID, got.Spec.Template.Spec.Containers[0].Image)
	}
}

func TestReconcileDoesNotTakeWhatIsNotItsOwn(t *testing.T) {
	b := newBench(t, shop)
	foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: b.ns}, Spec: corev1.ServiceSpec{ClusterIP: "None"}}
	b.create(foreign)
	b.pass()
	c := meta.FindStatusCondition(b.stack().Status.Conditions, v1alpha1.ConditionStalled)
	if c == nil || c.Reason != v1alpha1.ReasonConflict || !strings.Contains(c.Message, "Service db") {
		t.Errorf("stalled = %+v", c)
	}
	if got := b.get(&corev1.Service{}, "db"); got.GetResourceVersion() != foreign.ResourceVersion {
		t.Error("the foreign service was touched")
	}
	b.get(&appsv1.Deployment{}, "web")
}

func TestReconcileAdoptsAndPrunesAssets(t *testing.T) {
	b := newBench(t, "services:\n  web:\n    image: nginx\n    configs: [conf]\nconfigs:\n  conf: {external: true}\n")
	b.asset("shop-conf-1")
	b.names("shop-conf-1")
	b.pass()
	if got := b.get(&corev1.ConfigMap{}, "shop-conf-1").(*corev1.ConfigMap); !metav1.IsControlledBy(got, b.stack()) || got.Data["f0"] != "x" {
		t.Errorf("asset = %+v", got)
	}
	b.asset("shop-conf-2")
	b.names("shop-conf-2")
	b.pass()
	b.get(&corev1.ConfigMap{}, "shop-conf-1") // until the new one runs everywhere
	b.ready("web")
	b.pass()
	b.get(&corev1.ConfigMap{}, "shop-conf-1") // as long as there is a way back to it
	b.remove(b.revisions()[0].Object)
	b.pass()
	b.gone(&corev1.ConfigMap{}, "shop-conf-1")
	b.get(&corev1.ConfigMap{}, "shop-conf-2")
}

func TestTheDefinitionRefusesWhatCannotWork(t *testing.T) {
	b := newBench(t, shop)
	for name, spec := range map[string]v1alpha1.StackSpec{
		"no text":             {},
		"a text beyond bound": {Compose: strings.Repeat("#", 900<<10+1)},
		"an unknown asset":    {Compose: shop, Assets: []v1alpha1.Asset{{Key: "file/x", Kind: "Secret", Objects: []v1alpha1.AssetObject{{Name: "x"}}}}},
		"an asset of no kind": {Compose: shop, Assets: []v1alpha1.Asset{{Key: "config/x", Kind: "Pod", Objects: []v1alpha1.AssetObject{{Name: "x"}}}}},
	} {
		st := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Name: "other", Namespace: b.ns}, Spec: spec}
		if err := b.client.Create(t.Context(), st); !apierrors.IsInvalid(err) {
			t.Errorf("%s: err = %v, want it to be invalid", name, err)
		}
	}
}

func TestControllerIsWokenByWhatItWatches(t *testing.T) {
	b := newBench(t, shop)
	b.run()
	b.until("the objects are made", func() bool { return b.has(&appsv1.Deployment{}, "web") })
	b.remove(b.get(&corev1.Service{}, "web"))
	b.until("a deleted service comes back", func() bool { return b.has(&corev1.Service{}, "web") })
	b.ready("web")
	b.ready("db")
	b.until("ready deployments make a ready stack", func() bool {
		return meta.IsStatusConditionTrue(b.stack().Status.Conditions, v1alpha1.ConditionReady)
	})
}
