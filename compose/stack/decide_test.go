package stack

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state func(*world)
		want  []string // what the plan does, in order
	}{
		{
			"a new stack gets all its objects in the file's order", func(*world) {},
			[]string{"apply PersistentVolumeClaim data", "apply Service web", "apply Deployment web", "apply Job migrate"},
		},
		{"a stack that stands as the file says needs nothing", (*world).settle, nil},
		{"a field changed by hand is put back", func(w *world) {
			w.settle()
			w.deployment("web").Spec.Template.Spec.Containers[0].Image = "evil"
		}, []string{"apply Deployment web: spec.template.spec.containers[web].image by hand"}},
		{"a replica count changed by hand is put back", func(w *world) {
			w.settle()
			w.deployment("web").Spec.Replicas = new(int32(9))
		}, []string{"apply Deployment web: spec.replicas by hand"}},
		{"a replica count that an autoscaler owns is left", func(w *world) {
			w.settle()
			w.autoscale("web", 9)
			w.settle()
			w.deployment("web").Spec.Replicas = new(int32(12))
		}, nil},
		{"an object deleted by hand comes back", func(w *world) {
			w.settle()
			w.drop("Service", "web")
		}, []string{"apply Service web"}},
		{"a job with another template is deleted first", func(w *world) {
			w.settle()
			w.file.job("migrate", "hash-2")
		}, []string{"recreate Job migrate"}},
		{"a job on its way out is waited for", func(w *world) {
			w.settle()
			w.file.job("migrate", "hash-2")
			w.find("Job", "migrate").SetDeletionTimestamp(&metav1.Time{Time: noon})
		}, nil},
		{"what left the file is deleted, but for volumes", func(w *world) {
			w.settle()
			w.file.without("Service", "web").without(claim, "data")
		}, []string{"delete Service web"}},
		{"an object of another owner is neither applied nor deleted", func(w *world) {
			w.settle()
			w.find("Service", "web").SetOwnerReferences([]metav1.OwnerReference{{Kind: "Database", Name: "pg", UID: "x", Controller: new(true)}})
		}, nil},
		{"an object of an earlier stack of this name is left to the collector", func(w *world) {
			w.settle()
			w.find("Service", "web").SetOwnerReferences([]metav1.OwnerReference{{Kind: "Stack", Name: "shop", UID: "old", Controller: new(true)}})
		}, nil},
		{"a text that does not parse touches nothing", func(w *world) {
			w.settle()
			w.drop("Service", "web")
			w.invalid = "services.web: no image"
		}, nil},
		{"a stack whose asset is missing touches nothing", func(w *world) {
			w.names("shop-conf-1")
		}, nil},
		{"an asset that the stack names is adopted", func(w *world) {
			w.names("shop-conf-1")
			w.asset("shop-conf-1", false)
			w.settle()
			w.find("ConfigMap", "shop-conf-1").SetOwnerReferences(nil)
		}, []string{"adopt ConfigMap shop-conf-1"}},
		{"an asset that a person made stays theirs", func(w *world) {
			w.names("shop-conf-1")
			w.asset("shop-conf-1", false)
			w.settle()
			w.find("ConfigMap", "shop-conf-1").SetOwnerReferences(nil)
			w.find("ConfigMap", "shop-conf-1").SetLabels(nil)
		}, nil},
		{"an asset that nobody names any more goes when all services are ready", func(w *world) {
			w.asset("shop-conf-0", true)
			w.settle()
			w.ready()
		}, []string{"delete ConfigMap shop-conf-0"}},
		{"an old asset stays while old pods may need it", func(w *world) {
			w.asset("shop-conf-0", true)
			w.settle()
		}, nil},
		{"an asset that waits for its stack stays", func(w *world) {
			w.asset("shop-conf-2", false)
			w.settle()
			w.ready()
		}, nil},
		{"an asset that waited an hour in vain goes", func(w *world) {
			w.asset("shop-conf-2", false)
			w.settle()
			w.ready()
			w.now = noon.Add(2 * time.Hour)
		}, []string{"delete ConfigMap shop-conf-2"}},
		{"a stack that is being deleted is left alone", func(w *world) {
			w.stack.DeletionTimestamp = &metav1.Time{Time: noon}
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.state(w)
			if d := cmp.Diff(tt.want, actions(Decide(w.state()))); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
		})
	}
}

func TestDecideTwiceIsZero(t *testing.T) {
	w := newWorld(t)
	w.settle()
	if p := Decide(w.state()); !reflect.DeepEqual(p, Plan{}) {
		t.Errorf("second plan = %+v", p)
	}
}

func TestDecideKeepsNoMemoryInItsState(t *testing.T) {
	w := newWorld(t)
	s := w.state()
	before := Decide(s)
	if d := cmp.Diff(before, Decide(s)); d != "" {
		t.Errorf("the same state gave another plan:\n%s", d)
	}
}

func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		name                        string
		state                       func(*world)
		ready, progressing, stalled string
		message                     string
	}{
		{
			"services that start are on the way", func(w *world) {},
			"False RollingOut", "True RollingOut", "False RollingOut", "0 of 2 services are ready; migrate: 0 of 1 ready",
		},
		{
			"ready services make a ready stack", func(w *world) { w.settle(); w.ready() },
			"True ServicesReady", "False Settled", "False Settled", "2 of 2 services are ready",
		},
		{"a text that does not parse stalls, and the services are as they were", func(w *world) {
			w.settle()
			w.ready()
			w.settle()
			w.invalid = "line 3: services.web: no image"
		}, "False InvalidCompose", "False Settled", "True InvalidCompose", "line 3: services.web: no image"},
		{
			"a missing asset stalls", func(w *world) { w.names("shop-conf-1") },
			"False AssetMissing", "False Settled", "True AssetMissing",
			"ConfigMap shop-conf-1, which holds config/shop-conf-1, is missing; deploy again",
		},
		{"a refused object stalls in the server's words", func(w *world) {
			w.settle()
			w.ready()
			w.refused = map[Ref]Refusal{{"Service", "web"}: {v1alpha1.ReasonRefused, "port 0 is no port"}}
		}, "False ObjectRefused", "False Settled", "True ObjectRefused", "port 0 is no port"},
		{
			"a service that fails makes the stack fail", func(w *world) {
				w.settle()
				w.ready()
				w.deployment("web").Status.AvailableReplicas = 0
				w.pods = append(w.pods, pod("web", crashing(3, 1)))
			}, "False ServiceFailed", "False Settled", "True ServiceFailed",
			"1 of 2 services are ready; web: exited with code 1, restarted 3 times",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.state(w)
			st := w.status()
			want := map[string]string{"Ready": tt.ready, "Progressing": tt.progressing, "Stalled": tt.stalled}
			got := map[string]string{}
			var message string
			for _, c := range st.Conditions {
				got[c.Type] = string(c.Status) + " " + c.Reason
				if c.Type == "Ready" {
					message = c.Message
				}
				if c.ObservedGeneration != w.stack.Generation {
					t.Errorf("%s observed generation %d, want %d", c.Type, c.ObservedGeneration, w.stack.Generation)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("conditions (-want +got):\n%s", d)
			}
			if message != tt.message {
				t.Errorf("message = %q\nwant      %q", message, tt.message)
			}
		})
	}
}
