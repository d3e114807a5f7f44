package cli

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

const (
	podsPath = "/api/v1/namespaces/shop/pods"
	stamp    = "2026-06-01T12:00:0"
)

var shop = &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "shop"}}

func TestLogsAreMergedByTime(t *testing.T) {
	silent := corev1.ContainerStatus{Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}
	cl := answers(t, map[string]any{
		podsPath: corev1.PodList{Items: []corev1.Pod{
			pod("db-5d-x1", "db", running("db")), pod("web-77-abc", "web", running("web")), pod("web-77-new", "web", silent),
		}},
		podsPath + "/db-5d-x1/log":   stamp + "1Z ready\n" + stamp + "3.5Z one more\n",
		podsPath + "/web-77-abc/log": stamp + "2.25Z GET / 200\n" + stamp + "3.25Z last | words\n",
	})
	var out screen
	r := newReader(cl, shop, &logsCommand{tail: 100}, stdio{Out: &out})
	if err := r.print(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "db-x1 | ready\nweb-abc | GET / 200\nweb-abc | last | words\ndb-x1   | one more\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("logs (-want +got):\n%s", d)
	}
}

func TestLogsOfAnAPIThatBreaksOffComeOnce(t *testing.T) {
	asked := 0
	cl := answers(t, map[string]any{
		podsPath: corev1.PodList{Items: []corev1.Pod{pod("web-77-abc", "web", running("web"))}},
		podsPath + "/web-77-abc/log": func(r *http.Request) string {
			asked++
			if asked == 1 {
				return stamp + "1.1Z one\n" + stamp + "1.2Z two\n"
			}
			if r.URL.Query().Get("sinceTime") == "" {
				return stamp + "0Z asked for too much\n"
			}
			return stamp + "1.1Z one\n" + stamp + "1.2Z two\n" + stamp + "1.3Z three\n"
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out screen
	r := newReader(cl, shop, &logsCommand{follow: true, tail: 100}, stdio{Out: writerFunc(func(b []byte) {
		if _, _ = out.Write(b); out.has("three") {
			cancel()
		}
	})})
	r.every = time.Millisecond
	if err := r.follow(ctx); err != nil {
		t.Fatal(err)
	}
	want := "web-abc | one\nweb-abc | two\nweb-abc | three\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("logs (-want +got):\n%s", d)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

func TestEachServiceHasItsColour(t *testing.T) {
	var out screen
	w := &logWriter{w: &out, colour: true, times: true}
	w.line(source{service: "web", label: "web-1"}, "t1", "a")
	w.line(source{service: "db", label: "db"}, "t2", "b")
	w.line(source{service: "web", label: "web-2"}, "t3", "c")
	want := "\x1b[36mweb-1 |\x1b[0m t1 a\n\x1b[33mdb    |\x1b[0m t2 b\n\x1b[36mweb-2 |\x1b[0m t3 c\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestServicesThatTheStackHasNotAreRefused(t *testing.T) {
	s := shop.DeepCopy()
	s.Status.Services = []v1alpha1.ServiceStatus{{Name: "db"}, {Name: "web"}}
	if err := knownServices(s, []string{"web"}); err != nil {
		t.Error(err)
	}
	err := knownServices(s, []string{"wbe"})
	if want := "service wbe: stack shop has none; it has db, web"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func TestLogsAreSiftedByPattern(t *testing.T) {
	cl := answers(t, map[string]any{
		podsPath:                     corev1.PodList{Items: []corev1.Pod{pod("web-77-abc", "web", running("web"))}},
		podsPath + "/web-77-abc/log": stamp + "1Z GET /\n" + stamp + "2Z timeout of db\n" + stamp + "3Z GET /b\n" + stamp + "4Z GET /c\n",
	})
	for _, tt := range []struct {
		name string
		ask  logsCommand
		want string
	}{
		{"with a line on each side", logsCommand{grep: "time(out)?", around: 1}, "web-abc | GET /\nweb-abc | timeout of db\nweb-abc | GET /b\n"},
		{"bare", logsCommand{grep: "^GET /.", bare: true}, "GET /b\nGET /c\n"},
		{
			"as JSON",
			logsCommand{grep: "timeout", output: "json"},
			`{"time":"2026-06-01T12:00:02Z","stack":"shop","service":"web","pod":"web-77-abc","container":"web","line":"timeout of db"}` + "\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.ask.check(); err != nil {
				t.Fatal(err)
			}
			var out screen
			if err := newReader(cl, shop, &tt.ask, stdio{Out: &out}).print(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, out.String()); d != "" {
				t.Errorf("logs (-want +got):\n%s", d)
			}
		})
	}
	for _, bad := range []logsCommand{{grep: "("}, {around: 3}, {grep: "x", around: -1}, {output: "yaml"}} {
		if err := bad.check(); !isUsage(err) {
			t.Errorf("check(%+v) = %v, want wrong usage", bad, err)
		}
	}
}
