package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

func TestPsTable(t *testing.T) {
	since := metav1.NewTime(time.Now().Add(-3 * time.Hour))
	s := *shop.DeepCopy()
	s.Status.Services = []v1alpha1.ServiceStatus{
		{Name: "db", State: v1alpha1.ServiceFailed, Wanted: 1, Since: since, Reason: "CrashLoopBackOff", Message: "exit\n code 1", Revision: 2, Updated: since},
		{Name: "web", State: v1alpha1.ServiceReady, Ready: 2, Wanted: 2, Since: since, Addresses: []string{"127.0.0.1:8080"}, ScaledBy: "keda"},
	}
	stuck := *shop.DeepCopy()
	stuck.Name, stuck.Namespace = "new", "other"
	stuck.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: "InvalidCompose", Message: "no services"}}
	var out screen
	psTable(append(stackRows(s), stackRows(stuck)...)).print(&out)
	want := `STACK      SERVICE  STATE   READY  AGE  REVISION  ADDRESS         REASON
shop       db       Failed  0/1    3h   2 (3h)    -               CrashLoopBackOff: exit code 1
shop       web      Ready   2/2    3h   -         127.0.0.1:8080  scaled by keda
other/new  -        Failed  0/0    -    -         -               InvalidCompose: no services
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}

func TestTopReadsWhatANodeMeasured(t *testing.T) {
	cl := answers(t, map[string]any{
		"/api/v1/nodes": corev1.NodeList{Items: []corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}}},
		"/api/v1/nodes/n1/proxy/stats/summary": `{"node": {"nodeName": "n1", "cpu": {"usageNanoCores": 250000000},
			"memory": {"workingSetBytes": 400000000, "availableBytes": 600000000}},
			"pods": [{"podRef": {"name": "small", "namespace": "shop"}, "cpu": {"usageNanoCores": 1000000}, "memory": {"workingSetBytes": 1000}},
			{"podRef": {"name": "big", "namespace": "shop"}, "memory": {"workingSetBytes": 2000}},
			{"podRef": {"name": "else", "namespace": "other"}}]}`,
	})
	got, err := cl.usage(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	want := topReport{
		Nodes: []usageOf{{Name: "n1", Cores: 0.25, Memory: 400e6, Free: 600e6}},
		Pods: []usageOf{
			{Namespace: "shop", Name: "big", Memory: 2000}, {Namespace: "shop", Name: "small", Cores: 0.001, Memory: 1000},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("usage (-want +got):\n%s", d)
	}
}

func TestAnEventThatHappensAgainIsNewAgain(t *testing.T) {
	seen := map[string]int32{}
	e := corev1.Event{ObjectMeta: metav1.ObjectMeta{UID: "1"}, Count: 1}
	for _, tt := range []struct {
		name  string
		count int32
		want  int
	}{{"the first time", 1, 1}, {"as it was", 1, 0}, {"again", 2, 1}} {
		e.Count = tt.count
		if got := len(fresh([]corev1.Event{e}, seen)); got != tt.want {
			t.Errorf("%s: %d events, want %d", tt.name, got, tt.want)
		}
	}
}

func TestHappenedTakesTheLatestOfAllFields(t *testing.T) {
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	old := metav1.NewTime(at.Add(-time.Hour))
	for _, e := range []corev1.Event{
		{FirstTimestamp: old, LastTimestamp: metav1.NewTime(at)},
		{EventTime: metav1.NewMicroTime(at)},
		{EventTime: metav1.NewMicroTime(old.Time), Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at)}},
	} {
		if got := happened(e); !got.Equal(at) {
			t.Errorf("happened(%+v) = %s, want %s", e, got, at)
		}
	}
}

func TestBoardSaysEachChangeOnce(t *testing.T) { synctest.Test(t, testBoard) }

func testBoard(t *testing.T) {
	var out screen
	b := board{to: &out, begun: time.Now()}
	moving := []v1alpha1.ServiceStatus{{Name: "web", State: v1alpha1.ServiceProgressing, Wanted: 1, Reason: "ContainerCreating"}}
	b.show(moving)
	b.show(moving)
	b.show([]v1alpha1.ServiceStatus{{Name: "web", State: v1alpha1.ServiceReady, Ready: 1, Wanted: 1}})
	want := "  web              Progressing 0/1    0.0s  ContainerCreating\n  web              Ready       1/1    0.0s\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("board (-want +got):\n%s", d)
	}
}

func TestPick(t *testing.T) {
	twin := *shop.DeepCopy()
	twin.Namespace = "second"
	for _, tt := range []struct {
		name   string
		stacks []v1alpha1.Stack
		want   string // the error; "" for none
	}{
		{"the stack of that name", []v1alpha1.Stack{*shop}, ""},
		{"none", nil, "stack shop: there is none; nagi ps lists all"},
		{"two", []v1alpha1.Stack{*shop, twin}, "stack shop stands in several namespaces; name one with -n: shop, second"},
	} {
		got := ""
		if _, err := pick(tt.stacks, "shop"); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWordsForPeople(t *testing.T) {
	for got, want := range map[string]string{
		short(90 * time.Second):   "90s",
		short(5 * time.Minute):    "5m",
		short(30 * time.Hour):     "30h",
		short(72 * time.Hour):     "3d",
		short(-time.Second):       "0s",
		byteCount(999):            "999 B",
		byteCount(12_345_678):     "12.3 MB",
		byteCount(345_678_901):    "345 MB",
		byteCount(12_345_678_901): "12.3 GB",
		cut("kühl und still", 6):  "kühl …",
		because("A", "all: A"):    "all: A",
		because("A", ""):          "A",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
