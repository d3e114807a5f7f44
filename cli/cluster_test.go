package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
	"nagi.dev/internal/kubetest"
)

// TestOnARealServer uses an API server without controllers, one for all: what
// a controller would say of a Stack, a test says itself.
func TestOnARealServer(t *testing.T) {
	cl, err := openCluster(kubetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		run  func(*testing.T, cluster)
	}{
		{"a deploy applies namespace, assets and Stack", deployApplies},
		{"a deploy leaves foreign namespaces as they are", deployLeavesForeign},
		{"a deploy follows until all is ready", deployFollows},
		{"a deploy says what is missing when the time is over", deployIsLate},
		{"a deploy whose ports do not answer says why", portsDoNotAnswer},
		{"workloads of no stack are listed apart", foreignWorkloads},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, cl) })
	}
}

// planned is the deployment of a compose text as project name.
func planned(t *testing.T, name, text string) *deployment {
	t.Helper()
	p, err := compose.Load(t.Context(), compose.LoadOptions{
		Files: []string{"-"}, Name: name, ProjectDir: t.TempDir(), Environ: []string{}, Stdin: strings.NewReader(text),
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := (&deployCommand{}).plan(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func deployApplies(t *testing.T, cl cluster) {
	text := "services: {web: {image: nginx, privileged: true, configs: [motd]}}\nconfigs: {motd: {content: hello}}\n"
	d := planned(t, "cli-apply", text)
	first, err := d.apply(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.apply(t.Context(), cl)
	if err != nil || first != again {
		t.Errorf("the second apply gave generation %d, %v, want %d: nothing changed", again, err, first)
	}
	ns := namespace(t, cl, "cli-apply")
	if ns.Labels[podSecurityLabel] != "privileged" || ns.Labels[v1alpha1.StackLabel] != "cli-apply" {
		t.Errorf("labels = %v", ns.Labels)
	}
	maps, err := cl.CoreV1().ConfigMaps("cli-apply").List(t.Context(), metav1.ListOptions{LabelSelector: v1alpha1.StackLabel})
	if err != nil || len(maps.Items) != 1 {
		t.Errorf("%d assets, %v, want 1", len(maps.Items), err)
	}

	// A file that asks for less takes the privilege back.
	d = planned(t, "cli-apply", "services: {web: {image: nginx}}\n")
	if next, err := d.apply(t.Context(), cl); err != nil || next <= first {
		t.Errorf("generation %d, %v, want more than %d", next, err, first)
	}
	if _, left := namespace(t, cl, "cli-apply").Labels[podSecurityLabel]; left {
		t.Error("the namespace is still privileged")
	}
}

func namespace(t *testing.T, cl cluster, name string) *corev1.Namespace {
	t.Helper()
	ns, err := cl.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func deployLeavesForeign(t *testing.T, cl cluster) {
	make := func(name string, labels map[string]string) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		if _, err := cl.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	text := "services: {web: {image: nginx}}\n"
	make("cli-mine", map[string]string{"team": "a"})
	if _, err := planned(t, "cli-mine", text).apply(t.Context(), cl); err != nil {
		t.Fatal(err)
	}
	if got := namespace(t, cl, "cli-mine").Labels; got[v1alpha1.StackLabel] != "" || got["team"] != "a" {
		t.Errorf("labels = %v", got)
	}
	make("cli-taken", map[string]string{v1alpha1.StackLabel: "other"})
	_, err := planned(t, "cli-taken", text).apply(t.Context(), cl)
	if want := "namespace cli-taken belongs to stack other; choose another with --namespace"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

// say writes what the controller would say of a Stack.
func say(t *testing.T, cl cluster, d *deployment, ready bool, services ...v1alpha1.ServiceStatus) {
	t.Helper()
	var s v1alpha1.Stack
	if err := cl.objects.Get(t.Context(), d.key(), &s); err != nil {
		t.Fatal(err)
	}
	before := s.DeepCopy()
	s.Status.ObservedGeneration, s.Status.Services = s.Generation, services
	s.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRollingOut, LastTransitionTime: metav1.Now(),
	}}
	if ready {
		s.Status.Conditions[0].Status, s.Status.Conditions[0].Reason = metav1.ConditionTrue, v1alpha1.ReasonReady
	}
	if err := cl.objects.PatchStatus(t.Context(), before, &s); err != nil {
		t.Fatal(err)
	}
}

func deployFollows(t *testing.T, cl cluster) {
	d := planned(t, "cli-follow", "services: {web: {image: nginx, ports: ['8080:80']}}\n")
	if _, err := d.apply(t.Context(), cl); err != nil {
		t.Fatal(err)
	}
	say(t, cl, d, true, v1alpha1.ServiceStatus{
		Name: "web", Kind: "Deployment", State: v1alpha1.ServiceReady, Ready: 1, Wanted: 1, Addresses: []string{"127.0.0.1:8080"},
	})
	var out, progress screen
	c := &deployCommand{timeout: time.Minute}
	if err := c.roll(t.Context(), stdio{Out: &out, Err: &progress}, cl, d); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("Stack cli-follow is ready.\n  web          127.0.0.1:8080\n", out.String()); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	if !progress.has("web", "Ready", "1/1") {
		t.Errorf("progress = %q", progress.String())
	}
	stacks, err := cl.listStacks(t.Context(), "cli-follow")
	if err != nil || len(stacks) != 1 {
		t.Errorf("%d stacks, %v", len(stacks), err)
	}
	s, err := cl.stackFor(t.Context(), "cli-follow", "")
	if err != nil || s.Namespace != "cli-follow" {
		t.Errorf("stackFor = %v, %v", s, err)
	}
}

func portsDoNotAnswer(t *testing.T, cl cluster) {
	d := planned(t, "cli-port", "services: {web: {image: nginx, ports: ['8080:80']}}\n")
	if _, err := d.apply(t.Context(), cl); err != nil {
		t.Fatal(err)
	}
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: "web-published.1", Namespace: "cli-port"},
		InvolvedObject: corev1.ObjectReference{Kind: "Service", Namespace: "cli-port", Name: "web-published"},
		Type:           corev1.EventTypeWarning, Reason: "NotAnswered", Message: "port 8080 is taken",
	}
	if _, err := cl.CoreV1().Events("cli-port").Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s := v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Name: "cli-port", Namespace: "cli-port"}}
	s.Status.Services = []v1alpha1.ServiceStatus{{Name: "web", State: v1alpha1.ServiceReady}}
	var out screen
	err := arrived(t.Context(), stdio{Out: &out, Err: &out}, cl, s, d)
	if want := "the published ports of web do not answer: NotAnswered: port 8080 is taken"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func deployIsLate(t *testing.T, cl cluster) {
	d := planned(t, "cli-late", "services: {web: {image: nginx}}\n")
	if _, err := d.apply(t.Context(), cl); err != nil {
		t.Fatal(err)
	}
	c := &deployCommand{timeout: time.Nanosecond}
	var progress screen
	io := stdio{Out: &progress, Err: &progress}
	err := c.roll(t.Context(), io, cl, d)
	if want := "the platform has not taken up the stack within 1ns; nagi status shows whether it runs"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	say(t, cl, d, false, v1alpha1.ServiceStatus{Name: "web", Kind: "Deployment", State: v1alpha1.ServiceProgressing, Wanted: 1})
	err = c.roll(t.Context(), io, cl, d)
	if want := "web is not ready within 1ns; nagi logs -p cli-late and nagi events -n cli-late tell more"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = (&deployCommand{timeout: time.Minute}).follow(ctx, io, cl, d, rolloutState{Generation: 99})
	if want := "interrupted; the stack goes on coming up, nagi ps cli-late shows how it is"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func foreignWorkloads(t *testing.T, cl cluster) {
	d := planned(t, "cli-foreign", "services: {web: {image: nginx}}\n")
	if _, err := d.apply(t.Context(), cl); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app": "tool"}
	set := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "tool", Namespace: "cli-foreign"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "tool", Image: "tool:1"}}},
			},
		},
	}
	if _, err := cl.AppsV1().DaemonSets("cli-foreign").Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	rows, err := (&psCommand{namespace: "cli-foreign", all: true}).rows(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join([]string{r.Stack, r.Service, r.Kind, r.Image}, " "))
	}
	if d := cmp.Diff([]string{"cli-foreign -  ", " tool DaemonSet tool:1"}, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}
